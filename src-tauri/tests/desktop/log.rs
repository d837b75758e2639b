//! The request log with a long history.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use codex_client::Usage;
use desktop::request_log::{MAX_DATABASE_BYTES, RequestDatabase, RequestDatabaseOptions};
use proxy::{Arrival, Recorder};

use crate::driver::Window;
use crate::session::{Session, USUAL};

const ROWS: u64 = 10_000;

/// The length of the history, in milliseconds.
const SPAN: u64 = 20 * 24 * 60 * 60 * 1000;

/// Writes a history like the app.
async fn write_history(session: &Session) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let begin = u64::try_from(now).unwrap() - SPAN;
    let clock = Arc::new(AtomicU64::new(begin));
    let time = Arc::clone(&clock);
    let options = RequestDatabaseOptions {
        path: session.data().join("requests.sqlite"),
        keep_days: 30,
        keep_texts: false,
        max_bytes: MAX_DATABASE_BYTES,
        now_ms: Arc::new(move || time.load(Ordering::Relaxed)),
    };
    let mut log = RequestDatabase::open(options.clone()).await;
    for n in 0..ROWS {
        if n % 1_000 == 999 {
            // Stays below the limit of unwritten requests.
            log.close().await;
            log = RequestDatabase::open(options.clone()).await;
        }
        let at = begin + n * (SPAN / ROWS);
        clock.store(at, Ordering::Relaxed);
        let entry = Recorder::begin(
            &log.reports(),
            Arrival {
                id: format!("req_{n:032x}"),
                key: if n % 3 == 0 { "Default" } else { "Open WebUI" }.to_owned(),
                client: "Open WebUI".to_owned(),
                route: "/v1/chat/completions".to_owned(),
                model: if n % 5 == 0 { "codex-local" } else { "gpt-5.5" }.to_owned(),
                ..Arrival::default()
            },
        );
        entry.step("Sent to Codex", None, false);
        clock.store(at + 300 + n % 500, Ordering::Relaxed);
        entry.first_token(1);
        clock.store(at + 3_000, Ordering::Relaxed);
        if n % 40 == 0 {
            entry.failed(502, "codex_disconnected", "codex ended during the answer.");
        } else {
            entry.done(200, Some(Usage { input: 1_200, cached: 900, output: n % 700, reasoning: n % 100 }));
        }
    }
    log.close().await;
}

/// Goes to the end by the End key, which loads all pages, back to the top in steps, and down by 120 pixels per frame like a fast wheel.
/// Returns the number of rows, the maximum drawn at once, how often too few were drawn to fill the list, and the median, 95th
/// percentile and maximum time between frames in milliseconds.
const SCROLL: &str = "
const done = arguments[0];
const grid = document.querySelector('[role=grid]');
const frame = () => new Promise((next) => requestAnimationFrame(next));
const rows = () => Number(grid.getAttribute('aria-rowcount')) - 1;
let most = 0, empty = 0;
const look = () => {
  const box = grid.getBoundingClientRect();
  const shown = [...grid.querySelectorAll('[role=row][aria-rowindex]')].map((row) => row.getBoundingClientRect());
  most = Math.max(most, shown.length);
  if (Math.max(...shown.map((row) => row.bottom)) < box.bottom - 2) empty += 1;
};
(async () => {
  const begun = performance.now();
  grid.dispatchEvent(new KeyboardEvent('keydown', { key: 'End', bubbles: true }));
  while (!grid.querySelector(`[aria-rowindex='10001']`) && performance.now() - begun < 40000) await frame();
  for (let n = 100; n >= 0; n -= 1) {
    grid.scrollTop = (n / 100) * grid.scrollHeight;
    await frame();
    await frame();
    look();
  }
  const times = [];
  let last = await frame();
  for (let n = 0; n < 400; n += 1) {
    grid.scrollTop += 120;
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  look();
  times.sort((one, other) => one - other);
  done([rows(), most, empty, times[200], times[380], times[399]]);
})();
";

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn ten_thousand_requests_scroll_smoothly_with_only_visible_rows_drawn() {
    let session = Session::start(USUAL).await;
    write_history(&session).await;
    let window = Window::open(&session).await;
    window.go_to("Requests").await;
    window.find("//*[@role='row'][contains(., 'gpt-5.5')]").await;
    window.picture("requests-history").await;
    let seen = window.script(SCROLL).await;
    let [rows, drawn, empty, median, p95, longest] = seen.as_array().unwrap().as_slice() else {
        panic!("{seen}")
    };
    println!("{median} ms between frames, {p95} ms in 95 of 100, {longest} ms at most");
    assert_eq!(rows.as_f64(), Some(10_000.0));
    assert!(drawn.as_f64().unwrap() < 100.0 && empty.as_f64() == Some(0.0), "{seen}");

    // Filters cover all rows; one in forty failed.
    window.says("10,000 requests · 250 failed").await;
    window.click("//*[@role='radio'][normalize-space(.)='Failed']").await;
    window.find("//*[@role='grid'][@aria-rowcount='251']").await;
    window.says("250 requests").await;
    window.click("(//*[@role='row'][contains(., 'failed')])[1]").await;
    window.says("codex ended during the answer.").await;
    window.picture("request-detail").await;
    window.click("//*[@role='tab'][normalize-space(.)='Charts']").await;
    window.says("30 days").await;
    window.picture("charts").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_running_request_is_stopped_in_the_window_and_its_app_learns_why() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    let key = window.create_key("Script").await;
    window.click("//button[normalize-space(.)='Done']").await;
    window.go_to("Requests").await;
    let answer = session.stream(&key, "[[words=40 hold=20]]").await;
    window.find("//*[@role='row'][contains(., 'streaming')]").await;
    window.picture("request-running").await;
    window.click("//*[@role='row']//button[normalize-space(.)='Stop']").await;
    window.says("stopped by you").await;
    let text = answer.text().await.unwrap();
    assert!(text.contains("cancelled_by_owner"), "{text}");

    // Why another one fails is in its row, and once in its details.
    let reason = "The model \"gpt-9\" does not exist.";
    let refused = session.ask_model(&key, "gpt-9").await;
    assert!(refused.text().await.unwrap().contains("gpt-9"));
    window.click("(//*[@role='row'][contains(., 'failed (404)')])[1]").await;
    window.find(&format!("//section//p[starts-with(., '{reason}')]")).await;
    window.picture("request-failed").await;
}
