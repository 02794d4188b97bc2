# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway answers, as types; its OpenAPI document describes its answers by them.

The documents stay maps, as they came. Times are nanoseconds since 1970.
"""

from ganglion.client.documents.access import *  # noqa: F403
from ganglion.client.documents.bridges import *  # noqa: F403
from ganglion.client.documents.events import *  # noqa: F403
from ganglion.client.documents.fleet import *  # noqa: F403
from ganglion.client.documents.mesh import *  # noqa: F403
from ganglion.client.documents.releases import *  # noqa: F403
from ganglion.client.documents.scripting import *  # noqa: F403
