"""Archives: whole collections in one file, small, checked, and readable document by document.

``sample_documents`` (map) → ``train`` (reduce) → ``compress_documents`` (map) → ``write_archive`` (sink).
"""

from eopiez_ray.phases.compression.archive import Archive, Verification
from eopiez_ray.phases.compression.blocks import Blocks, Document, compress_documents
from eopiez_ray.phases.compression.codebook import Codebook, Sample, sample_documents, train
from eopiez_ray.phases.compression.codecs import Codec, Effort
from eopiez_ray.phases.compression.unpacking import UnpackFormat
from eopiez_ray.phases.compression.writing import ArchiveFacts, write_archive

__all__ = [
    "Archive",
    "ArchiveFacts",
    "Blocks",
    "Codebook",
    "Codec",
    "Document",
    "Effort",
    "Sample",
    "UnpackFormat",
    "Verification",
    "compress_documents",
    "sample_documents",
    "train",
    "write_archive",
]
