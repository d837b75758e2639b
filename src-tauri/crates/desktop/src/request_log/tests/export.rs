use codex_client::Usage;
use serde_json::Value;

use super::*;

async fn exported(
    test: &TestLog,
    log: &RequestDatabase,
    query: ExchangeQuery,
    format: ExportFormat,
) -> String {
    let path = test.folder.path().join("export");
    log.export(query, format, &path).await.unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test(start_paused = true)]
async fn csv_has_a_line_for_each_request_and_is_safe_to_open_in_a_spreadsheet() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let client = "=HYPERLINK(\"http://evil\",\"x\")".to_owned();
    let usage = Usage { input: 1200, cached: 900, output: 70, reasoning: 3 };
    let entry = begin(&log, Arrival { client, key: "a,b".into(), ..arrival(1) });
    log.reports().changed(&id(1), &changes::changed(2, ""));
    entry.done(200, Some(usage));
    begin(&log, Arrival { model: "-1+1".into(), ..arrival(2) }).failed(500, "internal_error", "It\nbroke.");
    let text = exported(&test, &log, ExchangeQuery::default(), ExportFormat::Csv).await;
    let (head, rest) = text.split_once("\r\n").unwrap();
    assert_eq!(
        head,
        "id,time,app,user_agent,key,route,model,state,status,code,error,background,queued_ms,first_token_ms,proxy_ms,total_ms,\
         input_tokens,cached_tokens,output_tokens,reasoning_tokens,commands,request_id,files_changed"
    );
    assert_eq!(
        rest,
        "req_00000002,2026-11-21T12:34:56.000Z,curl,curl/8.5,Default,/v1/chat/completions,\"'-1+1\",failed,500,internal_error,\
         \"It\nbroke.\",false,,,,0,,,,,0,of-client-2,0\r\n\
         req_00000001,2026-11-21T12:34:56.000Z,\"'=HYPERLINK\",\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\",\"a,b\",\
         /v1/chat/completions,codex-local,done,200,,,false,,,,0,1200,900,70,3,0,of-client-1,2\r\n"
    );
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_export_has_every_matching_request_however_many() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    for n in 0..2_500 {
        let entry = begin(&log, arrival(n));
        if n % 5 == 0 {
            entry.failed(500, "internal_error", "It broke.");
        } else {
            entry.done(200, None);
        }
    }
    let json = |text: String| serde_json::from_str::<Vec<Value>>(&text).unwrap();
    let all = json(exported(&test, &log, ExchangeQuery::default(), ExportFormat::Json).await);
    assert_eq!(all.len(), 2_500);
    assert_eq!((&all[0]["id"], &all[2_499]["id"]), (&id(2_499).into(), &id(0).into()));
    assert_eq!(
        (&all[0]["background"], &all[0]["status"], &all[0]["error"]),
        (&false.into(), &200.into(), &Value::Null)
    );
    let failed = ExchangeQuery { show: Some(Show::Failed), ..ExchangeQuery::default() };
    assert_eq!(json(exported(&test, &log, failed.clone(), ExportFormat::Json).await).len(), 500);
    assert_eq!(exported(&test, &log, failed, ExportFormat::Csv).await.lines().count(), 501);
    let none = ExchangeQuery { key: Some("None".into()), ..ExchangeQuery::default() };
    assert_eq!(exported(&test, &log, none, ExportFormat::Json).await, "[]\n");
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_export_that_fails_leaves_no_file() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let path = test.folder.path().join("missing").join("export.csv");
    assert!(log.export(ExchangeQuery::default(), ExportFormat::Csv, &path).await.is_err());
    assert!(!path.exists());
    log.close().await;
}
