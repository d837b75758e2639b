//! Reasoning efforts: one that a model lacks becomes the nearest that it has.

/// Efforts, lowest first: OpenAI's, and codex's `ultra`.
pub(crate) const EFFORTS: [&str; 8] = ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"];

/// How high an effort is. A word that is not in [`EFFORTS`] counts as higher than all of them.
pub(crate) fn rank(effort: &str) -> usize {
    EFFORTS.iter().position(|known| *known == effort).unwrap_or(EFFORTS.len())
}

/// The effort to request instead of `effort` from a model that has `known`; the lower one of two that are equally near.
/// If the model's efforts are unknown, the upstream decides. `None` for a word that is no effort.
pub(crate) fn nearest<'a>(effort: &'a str, known: &'a [String]) -> Option<&'a str> {
    let wanted = rank(effort);
    if known.iter().any(|known| known == effort) || (known.is_empty() && wanted < EFFORTS.len()) {
        return Some(effort);
    }
    let there = known.iter().filter(|_| wanted < EFFORTS.len());
    there.min_by_key(|known| (rank(known).abs_diff(wanted), rank(known))).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_effort_is_the_lower_of_two() {
        for (effort, known, expected) in [
            ("none", &["low", "medium", "high"][..], Some("low")),
            ("minimal", &["high", "none"], Some("none")),
            ("medium", &["high", "low"], Some("low")),
            ("max", &["low", "xhigh"], Some("xhigh")),
            ("ultra", &["low", "unheard-of"], Some("unheard-of")),
            ("unheard-of", &["unheard-of"], Some("unheard-of")),
            ("high", &[], Some("high")),
            ("banana", &["low"], None),
            ("banana", &[], None),
            ("", &["low"], None),
        ] {
            let known: Vec<String> = known.iter().map(|effort| (*effort).to_owned()).collect();
            assert_eq!(nearest(effort, &known), expected, "{effort} {known:?}");
        }
    }
}
