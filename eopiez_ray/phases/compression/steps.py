"""The phases of compression."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from eopiez_ray.authoring.contract import Partitions, phase
from eopiez_ray.model.policies import RetryPolicy
from eopiez_ray.phases.compression.blocks import Blocks, compress_documents
from eopiez_ray.phases.compression.codebook import Codebook, Sample, sample_documents, train
from eopiez_ray.phases.compression.codecs import Effort
from eopiez_ray.phases.compression.writing import ArchiveFacts, write_archive


@phase(name="compress_sample", kind="map")
def compress_sample(documents: pa.Table) -> Sample:
    """What a partition shows about the collection's language."""
    return sample_documents(documents)


@phase(name="compress_train", kind="reduce")
def compress_train(samples: Partitions[Sample], *, effort: Effort = Effort.NORMAL) -> Codebook:
    """The words, the sample and the codec of the archive."""
    return train(samples, Effort(effort))


@phase(name="compress_blocks", kind="map", keeps_inputs=True)
def compress_blocks(documents: pa.Table, codebook: Codebook) -> Blocks:
    """A partition's documents, compressed."""
    return compress_documents(documents, codebook)


@phase(name="compress_archive", kind="sink", retry=RetryPolicy(non_retryable_errors=("StorageFullError",)))
def compress_archive(
    blocks: Partitions[Blocks], codebook: Codebook, *, path: str, metadata: dict[str, Any] | None = None
) -> ArchiveFacts:
    """The archive file, written whole or not at all.

    Args:
        path: where to write it.
        metadata: JSON values to store in it.
    """
    return write_archive(path, blocks, codebook, metadata)
