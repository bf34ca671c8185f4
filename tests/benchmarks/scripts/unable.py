"""A contestant that has no way to do anything."""

from benchmarks import protocol

protocol.parser().parse_args()
protocol.unsupported("it has no workers")
