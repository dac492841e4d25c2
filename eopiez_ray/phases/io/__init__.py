"""Reading a collection: files of many formats become tables of documents."""

from eopiez_ray.phases.io.duplicates import Duplicates, find_duplicates
from eopiez_ray.phases.io.files import portable, spool
from eopiez_ray.phases.io.options import Columns, ReadOptions
from eopiez_ray.phases.io.reading import Batch, read_collection, text_digest
from eopiez_ray.phases.io.remarks import Remarks
from eopiez_ray.phases.io.sniffing import Format
from eopiez_ray.phases.io.survey import FormatSurvey, Survey, survey

__all__ = [
    "Batch",
    "Columns",
    "Duplicates",
    "Format",
    "FormatSurvey",
    "ReadOptions",
    "Remarks",
    "Survey",
    "find_duplicates",
    "portable",
    "read_collection",
    "spool",
    "survey",
    "text_digest",
]
