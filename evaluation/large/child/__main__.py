"""``python -I -m evaluation.large.child MODE``."""

import sys

from evaluation.large.child import main

main(sys.argv[1])
