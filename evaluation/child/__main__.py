"""``python -I -m evaluation.child MODE``."""

import sys

from evaluation.child import main

main(sys.argv[1])
