import mmap

from pipeline.memory.tables import Table, map_tables, total_bytes

TABLES = (
    Table("counts", "i8", (2, 3)),
    Table("text", "u1", (2, 16)),
    Table("words", "u8", (4,)),
)


def test_the_size_is_that_of_all_tables() -> None:
    assert total_bytes(TABLES) == 2 * 3 * 8 + 2 * 16 + 4 * 8


def test_tables_lie_one_after_the_other_and_fill_their_size_exactly() -> None:
    offset = 64
    memory = mmap.mmap(-1, offset + total_bytes(TABLES))
    arrays = map_tables(memory, TABLES, offset)
    for number, table in enumerate(TABLES, start=1):
        assert arrays[table.name].shape == table.shape
        arrays[table.name][...] = number
    for number, table in enumerate(TABLES, start=1):
        assert (arrays[table.name] == number).all()
    assert not any(memory[:offset])
    assert all(memory[offset + 48 : offset + 80]), "the text is where the counts end"
    memory[-1] = 9
    assert arrays["words"][-1] >> 56 == 9


def test_tables_in_memory_without_write_access_cannot_be_written() -> None:
    with open("/proc/self/exe", "rb") as file:
        memory = mmap.mmap(file.fileno(), mmap.PAGESIZE, access=mmap.ACCESS_READ)
    assert not any(array.flags.writeable for array in map_tables(memory, TABLES).values())
