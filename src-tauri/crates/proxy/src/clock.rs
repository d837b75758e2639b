//! Wall-clock time, for display and comparison with external times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Days, Local, NaiveDate, TimeDelta, TimeZone, Utc};

/// Within this many days, the name of the day is enough.
const MAX_DAYS_BY_NAME: i64 = 6;

/// The current time in Unix seconds.
#[must_use]
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// The current time in Unix milliseconds.
#[must_use]
pub(crate) fn unix_now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// A time in Unix seconds on this computer's clock: `14:20`, on another day `Thu 14:20`, further away `3 Dec 14:20`.
#[must_use]
pub fn local_time(at: u64, now: u64) -> String {
    time_in(&Local, at, now)
}

/// The day of a time in Unix seconds on this computer's clock: `2026-11-26`.
#[must_use]
pub fn local_day(at: u64) -> String {
    date_of(&Local, at).to_string()
}

/// The day of a time in Unix seconds, in words: `26 Nov 2026`.
#[must_use]
pub fn local_date(at: u64) -> String {
    date_of(&Local, at).format("%-d %b %Y").to_string()
}

/// When the day ends that lies `days` days after that of `now`, all in Unix seconds.
#[must_use]
pub fn end_of_day(now: u64, days: u64) -> Option<u64> {
    end_of(&Local, date_of(&Local, now).checked_add_days(Days::new(days))?)
}

/// When a day written as `2027-01-31` ends, in Unix seconds.
#[must_use]
pub fn end_of_date(date: &str) -> Option<u64> {
    end_of(&Local, NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?)
}

fn date_of<Z: TimeZone>(zone: &Z, at: u64) -> NaiveDate {
    let at = i64::try_from(at).unwrap_or(i64::MAX);
    DateTime::<Utc>::from_timestamp(at, 0).unwrap_or_default().with_timezone(zone).date_naive()
}

/// The first second of the next day, which does not begin at midnight everywhere.
fn end_of<Z: TimeZone>(zone: &Z, date: NaiveDate) -> Option<u64> {
    let next = date.succ_opt()?;
    let begins =
        (0..24).find_map(|hour| next.and_hms_opt(hour, 0, 0)?.and_local_timezone(zone.clone()).earliest())?;
    u64::try_from(begins.timestamp()).ok()
}

fn time_in<Z: TimeZone>(zone: &Z, at: u64, now: u64) -> String
where
    Z::Offset: std::fmt::Display,
{
    let date = |seconds: u64| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default().with_timezone(zone)
    };
    let (at, now) = (date(at), date(now));
    let days = at.date_naive() - now.date_naive();
    let format = match days {
        days if days.is_zero() => "%H:%M",
        days if days.abs() <= TimeDelta::days(MAX_DAYS_BY_NAME) => "%a %H:%M",
        _ => "%-d %b %H:%M",
    };
    at.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    #[test]
    fn a_day_lasts_until_the_next_one_begins_on_this_computers_clock() {
        let zone = FixedOffset::east_opt(3600).unwrap();
        let at = |day, hour| {
            u64::try_from(zone.with_ymd_and_hms(2026, 11, day, hour, 0, 0).unwrap().timestamp()).unwrap()
        };
        for hour in [0, 12, 23] {
            assert_eq!(end_of(&zone, date_of(&zone, at(26, hour))), Some(at(27, 0)));
        }
        let now = unix_now();
        let (day, ends) = (local_day(now), end_of_day(now, 0).unwrap());
        assert_eq!((end_of_date(&day), local_day(ends - 1)), (Some(ends), day.clone()));
        assert!(now < ends && local_day(ends) > day && end_of_day(now, 1) > Some(ends));
        for wrong in ["", "2027-02-30", "31.1.2027", "30d"] {
            assert_eq!(end_of_date(wrong), None);
        }
    }

    #[test]
    fn a_time_names_its_day_unless_it_is_today() {
        let zone = FixedOffset::east_opt(3600).unwrap();
        let at = |day: u32, hour: u32| {
            let time = zone.with_ymd_and_hms(2026, 11, day, hour, 20, 0).unwrap();
            u64::try_from(time.timestamp()).unwrap()
        };
        let now = at(26, 0);
        assert_eq!(time_in(&zone, at(26, 14), now), "14:20");
        assert_eq!(time_in(&zone, at(27, 0), now), "Fri 00:20");
        assert_eq!(time_in(&zone, at(25, 23), now), "Wed 23:20");
        assert_eq!(time_in(&zone, at(30, 9), now), "Mon 09:20");
        assert_eq!(time_in(&zone, at(3, 9), now), "3 Nov 09:20");
        assert_eq!(time_in(&zone, u64::MAX, now), "1 Jan 01:00");
    }
}
