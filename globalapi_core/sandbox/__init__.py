"""A gateway on this machine, to test and to try things against.

It refuses what the real servers refuse, prices and paces each call by the catalog,
answers deterministically from the prompt alone and fails as scripted.
"""

from globalapi_core.sandbox import faults
from globalapi_core.sandbox.billing import Bill, BillRow
from globalapi_core.sandbox.host import Sandbox
from globalapi_core.sandbox.received import Received

__all__ = ["Bill", "BillRow", "Received", "Sandbox", "faults"]
