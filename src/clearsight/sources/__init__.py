"""Data of any layout to checked data sets. The layouts are in ``sources.formats``."""

from clearsight.sources.checks.describe import Description as Description
from clearsight.sources.checks.describe import describe as describe
from clearsight.sources.problems import DataError as DataError
from clearsight.sources.reading import read as read
from clearsight.sources.samples.cache import CachedDataset as CachedDataset
from clearsight.sources.samples.cache import cached as cached
from clearsight.sources.samples.records import PictureDataset as PictureDataset
from clearsight.sources.samples.records import Record as Record
from clearsight.sources.samples.records import Source as Source
from clearsight.sources.samples.records import records_of as records_of
