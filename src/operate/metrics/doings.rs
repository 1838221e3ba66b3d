//! What is told of the gate's own work: memberships, terms, boards, slots that stood empty, and how true estimates came.

use sluice_gate::board::Board;

use super::text::{Document, Kind, Scale};
use crate::counters::{GateCount, Tallied, Totals};

/// What the gate has done.
pub(super) fn told(text: &mut Document, board: &Board, totals: &Totals) {
    for (what, name, help) in [
        (
            GateCount::Sessions,
            "sluice_gate_sessions_total",
            "Memberships that instances have begun.",
        ),
        (
            GateCount::Terms,
            "sluice_gate_terms_total",
            "Terms that were drawn.",
        ),
        (
            GateCount::TakeOvers,
            "sluice_gate_takeovers_total",
            "Terms that were drawn because nothing new was seen of the one before.",
        ),
        (
            GateCount::Boards,
            "sluice_gate_boards_total",
            "Boards that were put and passed the fence.",
        ),
        (
            GateCount::FenceFailures,
            "sluice_gate_fence_failures_total",
            "Boards that were put and did not pass it.",
        ),
        (
            GateCount::Lapsed,
            "sluice_gate_sessions_lapsed_total",
            "Memberships that went unrenewed for a time to live.",
        ),
        (
            GateCount::Estimates,
            "sluice_estimates_total",
            "Requests that were told a range for their wait, and have started.",
        ),
        (
            GateCount::EstimatesWithin,
            "sluice_estimates_within_total",
            "Of these, those that started within it: eight of ten should.",
        ),
    ] {
        text.family(name, Kind::Counter, help);
        text.sample(name, &[], totals.of(Tallied::Gate(what)));
    }
    let name = "sluice_slot_idle_seconds_total";
    text.family(
        name,
        Kind::Counter,
        "A slot was free while somebody waited, by why.",
    );
    for (what, cause) in [
        (GateCount::IdleSettling, "settling"),
        (GateCount::IdleTakeOver, "takeover"),
        (GateCount::IdleHandoff, "handoff"),
    ] {
        let seconds = Scale::Milliseconds.told(totals.of(Tallied::Gate(what)));
        text.sample(name, &[("cause", cause)], seconds);
    }
    let name = "sluice_estimate_width_seconds_total";
    text.family(name, Kind::Counter, "The widths of these ranges.");
    let width = totals.of(Tallied::Gate(GateCount::EstimateWidth));
    text.sample(name, &[], Scale::Milliseconds.told(width));
    let name = "sluice_estimate_error_seconds_total";
    text.family(
        name,
        Kind::Counter,
        "How far off the middles of these ranges were, and what departures per second alone would have said.",
    );
    for (what, by) in [
        (GateCount::EstimateError, "policy"),
        (GateCount::PlainError, "departures"),
    ] {
        let seconds = Scale::Milliseconds.told(totals.of(Tallied::Gate(what)));
        text.sample(name, &[("by", by)], seconds);
    }
    let name = "sluice_gate_board_bytes";
    text.family(name, Kind::Gauge, "The size of the newest board.");
    text.sample(name, &[], board.encode().map_or(0, |bytes| bytes.len()));
}
