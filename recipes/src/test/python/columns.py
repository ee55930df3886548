"""Writes columns.parquet, whose columns DuckDB itself cannot write: pip install pyarrow"""

import sys

import pyarrow as pa
import pyarrow.parquet as pq

columns = [
    ("Input", ["wrong", "wrong"]),
    ("input", ["Hello", "Bye"]),
    ("INPUT", ["wrong", "wrong"]),
    ("t", ["x", "y"]),
    ("output", ["Yes", "No"]),
    ("output", ["again", "again"]),
    ("bytes", [b"\x00\xff", b"text"]),
    ("number", [float("nan"), float("-inf")]),
    ("list", [[float("inf")], []]),
    ("", ["", ""]),
]
table = pa.Table.from_arrays([pa.array(v) for _, v in columns], names=[n for n, _ in columns])
pq.write_table(table, sys.argv[1], compression="zstd")
