//! Reaching an agent and delivering it.
