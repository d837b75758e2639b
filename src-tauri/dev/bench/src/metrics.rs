//! Statistics over many numbers. Pure, and without any opinion on what a good number is.

/// The middle one, or the mean of the two in the middle. `None` when there is none.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let sorted = sorted(numbers);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        return sorted.get(middle).copied();
    }
    Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0)
}

/// The one that 95 of 100 do not exceed.
pub(crate) fn p95(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    percentile(numbers, 95)
}

/// The one that so many of 100 do not exceed, by nearest rank: always a number that was measured.
pub(crate) fn percentile(numbers: impl IntoIterator<Item = f64>, of_hundred: usize) -> Option<f64> {
    let sorted = sorted(numbers);
    let rank = (sorted.len() * of_hundred).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// The largest one.
pub(crate) fn largest(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    numbers.into_iter().reduce(f64::max)
}

fn sorted(numbers: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 10.0]), Some(3.0));
        assert_eq!(median([7.0]), Some(7.0));
        assert_eq!(median([]), None);
    }

    #[test]
    fn p95_is_one_that_was_measured() {
        assert_eq!(p95((1..=20).map(f64::from)), Some(19.0));
        assert_eq!(p95((1..=100).map(f64::from)), Some(95.0));
        assert_eq!(p95((1..=5).map(f64::from)), Some(5.0));
        assert_eq!(p95([]), None);
        assert_eq!(percentile((1..=200).map(f64::from), 99), Some(198.0));
    }

    #[test]
    fn the_largest_is_found_in_any_order() {
        assert_eq!(largest([1.0, 9.0, 3.0]), Some(9.0));
        assert_eq!(largest([]), None);
    }
}
