"""Is wrong by one."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--size", type=int)
asked, _ = parser.parse_known_args()
print(f'{{"value": {asked.size + 1}}}')
