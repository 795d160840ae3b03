"""What the report says of a campaign as a whole: components, families, scaling, trade-offs and what was read.

Each part is gathered on its own from the store, drawn in a file beside it, and written down as a table.
"""

from flows.report.whole.contents import Whole
from flows.report.whole.gathering import gather_whole
from flows.report.whole.page import packed_whole, shown_whole
from flows.report.whole.pictures import picture_whole
from flows.report.whole.tables import Table, csv_files, tables_of

__all__ = ["Table", "Whole", "csv_files", "gather_whole", "packed_whole", "picture_whole", "shown_whole", "tables_of"]
