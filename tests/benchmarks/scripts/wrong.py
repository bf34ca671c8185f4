"""A contestant with a wrong result."""

from benchmarks import protocol, work

told = protocol.parser().parse_args()
tasks = work.tasks_of(told.case, told.size)
protocol.answer(0.001, tasks, work.expected(told.case, told.size) + 1, 0.0, executed=0)
