# SPDX-License-Identifier: GPL-3.0-or-later
"""What flows through a node's bus, as a document for whoever looks after it."""

from dataclasses import asdict
from typing import Any

from ganglion.bus import Bus, Subscription, TopicStatistics

#: Topics and subscriptions of one answer, so that it fits a message of the mesh.
MOST = 300


def of(bus: Bus) -> dict[str, Any]:
    """Counters since the node started: in all, of the busiest topics, and of the subscriptions."""
    subscriptions = sorted(bus.subscriptions(), key=lambda each: -each.delivered)
    return {
        "backend": bus.backend,
        **asdict(bus.statistics()),
        "busiest": [_topic(topic) for topic in bus.topics()[:MOST]],
        "told": [_subscription(each) for each in subscriptions[:MOST]],
    }


def _topic(topic: TopicStatistics) -> dict[str, Any]:
    return {"topic": topic.name, "emitted": topic.emitted, "type": topic.type}


def _subscription(subscription: Subscription) -> dict[str, Any]:
    queue = subscription.queue
    return {
        "filter": subscription.filter,
        "matching": None if subscription.matching is None else dict(subscription.matching.source),
        "delivered": subscription.delivered,
        "failed": subscription.failed,
        "queue": None if queue is None else {"capacity": queue.capacity, **asdict(queue.statistics())},
    }
