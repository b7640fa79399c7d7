"""Embeddings by key in files that only grow."""

import numpy as np

from idfree.core.embedding_store import EmbeddingStore

FIRST, SECOND = np.array([7, 3], np.uint64), np.array([5], np.uint64)
ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)


def test_appended_rows_are_found_by_key(tmp_path):
    store = EmbeddingStore(tmp_path, 4)
    assert store.rows().shape == (0, 4)
    store.append(FIRST, ROWS[:2])
    store.append(SECOND, ROWS[2:])
    again = EmbeddingStore(tmp_path, 4)
    assert again.find(np.array([5, 3, 9, 7], np.uint64)).tolist() == [2, 1, -1, 0]
    assert np.array_equal(again.rows(), ROWS)
    assert isinstance(again.rows(), np.memmap)


def test_rows_without_keys_are_written_over(tmp_path):
    """As a process leaves them that is killed between the two files."""
    store = EmbeddingStore(tmp_path, 4)
    store.append(FIRST, ROWS[:2])
    with (tmp_path / "embeddings.bin").open("ab") as file:
        file.write(b"half a row")
    store = EmbeddingStore(tmp_path, 4)
    assert len(store) == 2
    store.append(SECOND, ROWS[2:])
    assert np.array_equal(EmbeddingStore(tmp_path, 4).rows(), ROWS)
    assert (tmp_path / "embeddings.bin").stat().st_size == ROWS.nbytes


def test_half_precision_takes_half_the_space(tmp_path):
    EmbeddingStore(tmp_path, 4, "float16").append(FIRST, ROWS[:2])
    assert (tmp_path / "embeddings.bin").stat().st_size == ROWS[:2].nbytes // 2
    assert np.array_equal(EmbeddingStore(tmp_path, 4, "float16").rows(), ROWS[:2])
