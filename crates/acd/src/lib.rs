//! Urgency queues, agents and offers.
