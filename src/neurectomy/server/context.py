"""What the edge is given: the services of one workspace."""

from __future__ import annotations

from msgspec import Struct

from neurectomy.models.sources import Models
from neurectomy.runs.experiments import Experiments
from neurectomy.runs.service import Runs
from neurectomy.sandboxes.select import Sandboxes
from neurectomy.timeline.log import Log
from neurectomy.workspace.lock import WorkspaceLock
from neurectomy.workspace.programs import Programs
from neurectomy.workspace.settings import Settings


class Services(Struct, frozen=True):
    """Everything that operations use."""

    settings: Settings
    programs: Programs
    log: Log
    runs: Runs
    experiments: Experiments
    models: Models
    sandboxes: Sandboxes
    lock: WorkspaceLock
