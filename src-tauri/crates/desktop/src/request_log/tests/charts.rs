use codex_client::Usage;

use super::*;

const HOUR: u64 = 60 * 60;
const NOON_S: u64 = NOON / 1_000;

/// Records a request that ends at `end_s`, in Unix seconds.
fn ended(test: &TestLog, log: &RequestDatabase, n: usize, end_s: u64, first_ms: u64) {
    test.set(end_s * 1_000 - first_ms);
    let entry = begin(log, arrival(n));
    test.set(end_s * 1_000);
    entry.first_token(1);
    entry.done(200, Some(Usage { input: 100, output: 10, ..Usage::default() }));
}

#[tokio::test(start_paused = true)]
async fn empty_bars_are_included_and_the_last_one_is_now() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let hours = log.chart(ChartBy::Hour, 0).await;
    assert_eq!(hours.len(), 24);
    assert_eq!(hours[23].from, NOON_S - NOON_S % HOUR);
    assert!(hours.windows(2).all(|pair| pair[1].from - pair[0].from == HOUR));
    assert!(hours.iter().all(|bar| bar.requests == 0 && bar.first_ms.is_none()));
    let days = log.chart(ChartBy::Day, 0).await;
    assert_eq!((days.len(), days[29].from), (30, NOON_S - NOON_S % (24 * HOUR)));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn hours_and_days_start_in_the_users_time_zone() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    // 12:34:56 UTC is 18:04:56 in Kolkata and 04:34:56 in Los Angeles.
    let minute = 60;
    assert_eq!(log.chart(ChartBy::Hour, 19_800).await[23].from, NOON_S - 4 * minute - 56);
    let day = log.chart(ChartBy::Day, 19_800).await[29].from;
    assert_eq!(day, NOON_S - 18 * HOUR - 4 * minute - 56);
    let day = log.chart(ChartBy::Day, -28_800).await[29].from;
    assert_eq!(day, NOON_S - 4 * HOUR - 34 * minute - 56);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_counts_once_in_the_bar_when_it_ended() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let this_hour = NOON_S - NOON_S % HOUR;
    ended(&test, &log, 1, this_hour - 1, 40);
    ended(&test, &log, 2, this_hour, 10);
    ended(&test, &log, 3, this_hour + 1, 30);
    ended(&test, &log, 4, this_hour - 24 * HOUR, 5);
    log.close().await;
    test.set(NOON);
    let log = test.on_disk().await;
    ended(&test, &log, 5, this_hour + 2, 500);
    test.set(NOON);
    begin(&log, arrival(6)).failed(500, "internal_error", "It broke.");
    let running = begin(&log, arrival(7));
    let check = async || {
        let bars = log.chart(ChartBy::Hour, 0).await;
        let last = &bars[23];
        assert_eq!((last.requests, last.failed, last.input, last.output), (4, 1, 300, 30));
        assert_eq!(last.first_ms, Some(30), "the median of 10, 30 and 500");
        assert_eq!((bars[22].requests, bars[22].first_ms), (1, Some(40)));
        assert_eq!(bars.iter().map(|bar| bar.requests).sum::<u64>(), 5);
    };
    check().await;
    // The same once they are only on disk.
    wait_until(async || log.shared.live.lock().find(&id(6)).is_none()).await;
    check().await;
    drop(running);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted_from_the_given_time() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    test.set(NOON - 1);
    begin(&log, arrival(1)).done(200, None);
    test.set(NOON);
    begin(&log, arrival(2)).done(200, None);
    log.close().await;
    let log = test.on_disk().await;
    let running = begin(&log, arrival(3));
    let written =
        async || test.sqlite().query_row("SELECT count(*) FROM exchanges", (), |row| row.get(0)) == Ok(3);
    assert_eq!(log.requests_since(NOON_S).await, 2);
    wait_until(written).await;
    assert_eq!(log.requests_since(NOON_S).await, 2);
    assert_eq!(log.requests_since(NOON_S + 1).await, 0);
    drop(running);
    log.close().await;
}
