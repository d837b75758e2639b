use codex_client::Usage;

use super::*;

const HOUR: u64 = 60 * 60;
const NOON_S: u64 = NOON / 1_000;

/// Records a request that arrives at `at_s`, in Unix seconds.
fn ended(test: &TestLog, log: &RequestDatabase, n: usize, at_s: u64, first_ms: u64) {
    ended_of(test, log, arrival(n), at_s, first_ms);
}

fn ended_of(test: &TestLog, log: &RequestDatabase, arrival: Arrival, at_s: u64, first_ms: u64) {
    test.set(at_s * 1_000);
    let entry = begin(log, arrival);
    test.set(at_s * 1_000 + first_ms);
    entry.first_token(1);
    entry.done(200, Some(Usage { input: 100, output: 10, ..Usage::default() }));
}

async fn bars(log: &RequestDatabase, range: ChartRange, utc_offset: i32) -> Vec<ChartBar> {
    log.chart(Some(range), None, utc_offset).await.bars
}

#[tokio::test(start_paused = true)]
async fn empty_bars_are_included_and_the_last_one_is_now() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    for (range, length_s, count) in [
        (ChartRange::Hour, 2 * 60, 30),
        (ChartRange::Day, HOUR, 24),
        (ChartRange::Week, 6 * HOUR, 28),
        (ChartRange::Month, 24 * HOUR, 30),
    ] {
        let chart = log.chart(Some(range), None, 0).await;
        assert_eq!((chart.range, chart.bar_seconds, chart.bars.len()), (range, length_s, count));
        assert_eq!(chart.bars[count - 1].from, NOON_S - NOON_S % length_s);
        assert!(chart.bars.windows(2).all(|pair| pair[1].from - pair[0].from == length_s));
        assert!(chart.bars.iter().all(|bar| bar.requests == 0 && bar.first_ms.is_none()));
    }
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn hours_and_days_start_in_the_users_time_zone() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    // 12:34:56 UTC is 18:04:56 in Kolkata and 04:34:56 in Los Angeles.
    let minute = 60;
    assert_eq!(bars(&log, ChartRange::Day, 19_800).await[23].from, NOON_S - 4 * minute - 56);
    let day = bars(&log, ChartRange::Month, 19_800).await[29].from;
    assert_eq!(day, NOON_S - 18 * HOUR - 4 * minute - 56);
    let day = bars(&log, ChartRange::Month, -28_800).await[29].from;
    assert_eq!(day, NOON_S - 4 * HOUR - 34 * minute - 56);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_counts_once_in_the_bar_when_it_arrived() {
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
        let bars = bars(&log, ChartRange::Day, 0).await;
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
async fn the_period_fits_the_age_of_the_log() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let fitting = async || log.chart(None, None, 0).await.range;
    assert_eq!(fitting().await, ChartRange::Day, "an empty log");
    for (n, (age_s, range)) in [
        (60, ChartRange::Hour),
        (HOUR + 60, ChartRange::Day),
        (2 * 24 * HOUR, ChartRange::Week),
        (20 * 24 * HOUR, ChartRange::Week),
    ]
    .into_iter()
    .enumerate()
    {
        ended(&test, &log, n, NOON_S - age_s, 5);
        test.set(NOON);
        assert_eq!(fitting().await, range, "{age_s} s old");
    }
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn bars_can_be_stacked_by_model_key_or_app() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let hour = NOON_S - NOON_S % HOUR;
    ended_of(&test, &log, Arrival { client: "Zed/1".into(), ..arrival(1) }, hour, 5);
    ended_of(&test, &log, Arrival { model: "gpt-5.5".into(), ..arrival(2) }, hour + 1, 5);
    ended_of(&test, &log, Arrival { key: "Laptop".into(), ..arrival(3) }, hour - 1, 5);
    test.set(NOON);
    for (stack, before, last) in [
        (ChartStack::Model, vec![("codex-local", 1)], vec![("codex-local", 1), ("gpt-5.5", 1)]),
        (ChartStack::Key, vec![("Laptop", 1)], vec![("Default", 2)]),
        (ChartStack::App, vec![("curl", 1)], vec![("Zed", 1), ("curl", 1)]),
    ] {
        let bars = log.chart(Some(ChartRange::Day), Some(stack), 0).await.bars;
        let groups = |bar: &ChartBar| -> Vec<(String, u64)> {
            assert!(bar.groups.iter().all(|group| group.tokens == 110 * group.requests));
            bar.groups.iter().map(|group| (group.name.clone(), group.requests)).collect()
        };
        let named = |names: Vec<(&str, u64)>| -> Vec<(String, u64)> {
            names.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
        };
        assert_eq!(groups(&bars[22]), named(before), "{stack:?}");
        assert_eq!(groups(&bars[23]), named(last), "{stack:?}");
        assert!(bars[0].groups.is_empty());
    }
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn todays_numbers_start_at_the_given_time_and_leave_out_the_windows_own_requests() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    ended(&test, &log, 1, NOON_S - 1, 5);
    ended(&test, &log, 2, NOON_S + 10, 40);
    ended(&test, &log, 3, NOON_S + 20, 60);
    test.set(NOON);
    begin(&log, arrival(4)).failed(500, "internal_error", "It broke.");
    for (n, client) in
        ["Python/3.11 aiohttp/3.14.5 codex-proxy-check", "codex-proxy-test-prompt/1"].into_iter().enumerate()
    {
        begin(&log, Arrival { client: client.into(), ..arrival(5 + n) }).failed(
            500,
            "internal_error",
            "It broke.",
        );
    }
    log.close().await;
    let log = test.on_disk().await;
    let running = begin(&log, arrival(9));
    let expected =
        Today { requests: 4, failed: 1, input: 200, output: 20, first_ms: Some(50), own_ms: Some(1) };
    assert_eq!(log.today(NOON_S).await, expected);
    let written =
        async || test.sqlite().query_row("SELECT count(*) FROM exchanges", (), |row| row.get(0)) == Ok(7);
    wait_until(written).await;
    assert_eq!(log.today(NOON_S).await, expected);
    assert_eq!(log.today(NOON_S + 3_600).await, Today::default());
    drop(running);
    log.close().await;
}
