//! The lines of codex that make and end a stream.

use super::*;

fn begun() -> Round {
    let talks = vec![Talk::default()];
    let (threads, waiting) = (HashMap::new(), HashMap::from([(1, 0)]));
    Round {
        talks,
        threads,
        waiting,
        told: None,
        before: None,
        prompt: "p".into(),
        wait_to_begin: false,
        begun: Instant::now(),
    }
}

fn read(round: &mut Round, line: &str) -> Next {
    round.read(&serde_json::from_str(line).unwrap()).unwrap()
}

#[test]
fn a_stream_goes_from_its_thread_to_its_end() {
    let mut round = begun();
    assert_eq!(read(&mut round, r#"{"id":1,"result":{"thread":{"id":"t","more":[]}}}"#), Next::Turn(0));
    round.talks[0].step = Step::Running;
    round.waiting.insert(2, 0);
    assert_eq!(read(&mut round, r#"{"id":2,"result":{"turn":{"id":"x"}}}"#), Next::Nothing);
    for delta in ["a", r#"\"b\""#] {
        let line = format!(
            r#"{{"method":"item/agentMessage/delta","params":{{"threadId":"t","turnId":"x","delta":"{delta}"}}}}"#
        );
        assert_eq!(read(&mut round, &line), Next::Nothing);
    }
    let end =
        r#"{"method":"turn/completed","params":{"threadId":"t","turn":{"status":"completed","error":null}}}"#;
    assert_eq!(read(&mut round, end), Next::GiveUp(0));
    round.waiting.insert(3, 0);
    assert_eq!(read(&mut round, r#"{"id":3,"result":{}}"#), Next::Nothing);
    assert_eq!(round.talks[0].step, Step::Over);
    let stream = round.talks.remove(0).into_stream();
    assert_eq!((stream.text.as_str(), stream.arrivals.len(), stream.failure), ("a\"b\"", 2, None));
}

#[test]
fn a_new_thread_is_told_of_an_earlier_turn_before_its_own() {
    let mut round = Round { told: Some(("b".into(), "c".into())), ..begun() };
    assert_eq!(read(&mut round, r#"{"id":1,"result":{"thread":{"id":"t"}}}"#), Next::Tell(0));
    round.talks[0].step = Step::Telling;
    round.waiting.insert(2, 0);
    assert_eq!(read(&mut round, r#"{"id":2,"result":{}}"#), Next::Turn(0));
}

#[test]
fn nothing_of_a_first_turn_is_measured_and_its_thread_stays() {
    let mut round = Round { before: Some("b".into()), wait_to_begin: true, ..begun() };
    assert_eq!(read(&mut round, r#"{"id":1,"result":{"thread":{"id":"t"}}}"#), Next::Turn(0));
    round.talks[0].step = Step::Before;
    let delta = r#"{"method":"item/agentMessage/delta","params":{"threadId":"t","delta":"a"}}"#;
    let end = r#"{"method":"turn/completed","params":{"threadId":"t","turn":{"status":"completed"}}}"#;
    assert_eq!(read(&mut round, delta), Next::Nothing);
    assert_eq!(read(&mut round, end), Next::Nothing);
    assert_eq!(round.talks[0].step, Step::Ready, "it is not given up");
    round.talks[0].step = Step::Running;
    read(&mut round, delta);
    assert_eq!(read(&mut round, end), Next::GiveUp(0));
    assert_eq!(round.talks[0].stream.arrivals.len(), 1);
}

#[test]
fn a_first_turn_that_fails_is_the_streams_failure() {
    let mut round = Round { before: Some("b".into()), wait_to_begin: true, ..begun() };
    read(&mut round, r#"{"id":1,"result":{"thread":{"id":"t"}}}"#);
    round.talks[0].step = Step::Before;
    let end = r#"{"method":"turn/completed","params":{"threadId":"t","turn":{"status":"failed","error":{"message":"x"}}}}"#;
    assert_eq!(read(&mut round, end), Next::GiveUp(0));
    assert!(round.talks.remove(0).into_stream().failure.is_some());
}

#[test]
fn a_refusal_and_a_failed_turn_are_the_streams_failure() {
    let mut round = begun();
    assert_eq!(read(&mut round, r#"{"id":1,"error":{"code":-1,"message":"no"}}"#), Next::Nothing);
    assert!(round.talks.remove(0).into_stream().failure.unwrap().contains("no"));

    let mut round = begun();
    read(&mut round, r#"{"id":1,"result":{"thread":{"id":"t"}}}"#);
    let end = r#"{"method":"turn/completed","params":{"threadId":"t","turn":{"status":"failed","error":{"message":"x"}}}}"#;
    read(&mut round, end);
    let failure = round.talks.remove(0).into_stream().failure.unwrap();
    assert_eq!(failure, r#"the turn is failed: {"message":"x"}"#);
}

#[test]
fn a_stream_without_an_end_has_failed_and_other_threads_do_not_matter() {
    let mut round = begun();
    let delta = r#"{"method":"item/agentMessage/delta","params":{"threadId":"other","delta":"a"}}"#;
    assert_eq!(read(&mut round, delta), Next::Nothing);
    assert_eq!(round.talks.remove(0).into_stream().failure.as_deref(), Some("no end within 60s"));
    let question = r#"{"id":0,"method":"item/tool/call","params":{}}"#;
    assert!(begun().read(&serde_json::from_str(question).unwrap()).is_err());
}
