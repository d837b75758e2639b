//! The section of second turns: what a conversation gains by going on in its thread.

use super::{Section, both, failed, firsts, median, p95, walls};
use crate::results::{Pair, SecondTurns, Side};
use crate::rows::{Goal, Row, Unit};

/// The first token of a second turn, to that of the bare client's.
const AS_BARE: f64 = 1.1;
/// The first token in a new thread, to that in the thread of the first turn.
const SOONER: f64 = 1.5;

pub(super) fn section(turns: &SecondTurns) -> Section {
    let (Pair { bare, proxy }, anew) = (&turns.pair, &turns.anew);
    let first = |side: &Side| median(firsts(&side.rounds));
    let sooner = |than: &Side| first(than).zip(first(proxy)).map(|(than, ours)| than / ours);
    let rows = vec![
        both("first token, median", Unit::Millis, bare, proxy, first).goal(Goal::RatioAtMost(AS_BARE)),
        // The proxy's threads are started ahead, and the bare client's are not.
        both("... in a new thread", Unit::Millis, &anew.bare, &anew.proxy, first),
        Row::new("... how many times sooner than there", Unit::Times)
            .ours(sooner(&anew.proxy))
            .goal(Goal::AtLeast(SOONER)),
        Row::new("... than in a bare client's new thread", Unit::Times).ours(sooner(&anew.bare)),
        both("first token, p95", Unit::Millis, bare, proxy, |side| p95(firsts(&side.rounds))),
        both("failed streams", Unit::Count, bare, proxy, failed).goal(Goal::None),
        both("failed streams in a new thread", Unit::Count, &anew.bare, &anew.proxy, failed).goal(Goal::None),
        both("whole time, median", Unit::Millis, bare, proxy, |side| median(walls(side))),
    ];
    Section {
        title: format!("second turn, {} rounds with a pause before each turn", proxy.rounds.len()),
        rows,
    }
}
