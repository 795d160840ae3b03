"""A process that adds entries to the cognition base: ``python -m tests.archdb.adders FIRST LAST``. It may be killed."""

import sys

from archdb import open_store
from archdb.cognition import Entry, add_entries

if __name__ == "__main__":
    first, last = map(int, sys.argv[1:])
    store = open_store()
    for number in range(first, last):
        text = f"Note {number}: gate number {number} of the quagga layer leaks after {number} tokens."
        add_entries(store, [Entry(id=f"notes-{number}", title=f"Note {number}", passages=(text,))])
        print(number, flush=True)
