"""twincast keeps the twins of a device fleet in memory, in columns, and runs jobs over them.

It compiles a query condition, finds every matching twin in milliseconds, and updates those twins
or calls a direct method on those devices, with the progress of each device tracked. Documents,
query language and jobs are those of Azure IoT Hub.

    >>> import twincast
    >>> hub = twincast.Hub()
    >>> hub.import_twins([
    ...     {"deviceId": "d1", "tags": {"site": "oslo", "floor": 1}},
    ...     {"deviceId": "d2", "tags": {"site": "oslo", "floor": 2}},
    ...     {"deviceId": "d3", "tags": {"site": "bergen", "floor": 7}},
    ... ])
    3
    >>> hub.select("tags.site = 'oslo' AND tags.floor > 1").device_ids()
    ['d2']

The examples of this package all start with such a hub, in which d1 has reported firmware 1.0 and
the other two firmware 1.1. `python -m twincast.demo` shows a million twins.
"""

from twincast import _progress as _progress  # so that no long call has to import it
from twincast._errors import (
    BusyError,
    ClosedError,
    ConditionError,
    DeviceExistsError,
    DeviceNotFoundError,
    EngineError,
    JobExistsError,
    JobNotFoundError,
    NotAllowedError,
    PreconditionFailedError,
    StorageError,
    TwincastError,
    ValidationError,
)
from twincast._twincast import (
    DeviceExplanation,
    DeviceIds,
    Explanation,
    Hub,
    ImportReport,
    Job,
    JobStatistics,
    LineError,
    Selection,
    SimulatedFleet,
    Table,
    __version__,
    generate_fleet,
)

__all__ = [
    "BusyError",
    "ClosedError",
    "ConditionError",
    "DeviceExistsError",
    "DeviceExplanation",
    "DeviceIds",
    "DeviceNotFoundError",
    "EngineError",
    "Explanation",
    "Hub",
    "ImportReport",
    "Job",
    "JobExistsError",
    "JobNotFoundError",
    "JobStatistics",
    "LineError",
    "NotAllowedError",
    "PreconditionFailedError",
    "Selection",
    "SimulatedFleet",
    "StorageError",
    "Table",
    "TwincastError",
    "ValidationError",
    "__version__",
    "generate_fleet",
]
