//! Answers at the same time.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn files_that_two_answers_changed_at_the_same_time_are_refused() {
    needs_git!();
    let bed = Testbed::new();
    for name in ["first", "second", "both", "inner/x"] {
        bed.write(name, "before");
    }
    let first = bed.store.begin("1", &bed.work()).await;
    bed.write("first", "1");
    let second = bed.store.begin("2", &bed.work()).await;
    bed.write("both", "2");
    assert_eq!(bed.store.undo("1").await, Err(UndoError::Gone));
    first.end(None).await.unwrap();
    assert_eq!(bed.store.undo("1").await, Err(UndoError::Busy));
    bed.write("second", "2");
    second.end(None).await.unwrap();

    let report = bed.store.undo("1").await.unwrap();
    assert_eq!(
        (report.restored.as_slice(), refused(&report)),
        (["first".to_owned()].as_slice(), vec!["both"])
    );
    assert_eq!(report.refused[0].why, "Another answer worked in this folder at the same time.");
    let report = bed.store.undo("2").await.unwrap();
    assert_eq!(
        (report.restored.as_slice(), refused(&report)),
        (["second".to_owned()].as_slice(), vec!["both"])
    );
    assert_eq!(["first", "second", "both"].map(|name| bed.read(name)), ["before", "before", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_in_a_folder_inside_overlaps_too() {
    needs_git!();
    let bed = Testbed::new();
    bed.write("inner/both", "before");
    bed.write("outer", "before");
    let outer = bed.store.begin("1", &bed.work()).await;
    let inner = bed.store.begin("2", &bed.path("inner")).await;
    bed.write("inner/both", "after");
    bed.write("outer", "after");
    inner.end(None).await.unwrap();
    assert_eq!(bed.store.undo("2").await, Err(UndoError::Busy));
    outer.end(None).await.unwrap();
    assert_eq!(refused(&bed.store.undo("2").await.unwrap()), ["both"]);
    let report = bed.store.undo("1").await.unwrap();
    assert_eq!(
        (report.restored.as_slice(), refused(&report)),
        (["outer".to_owned()].as_slice(), vec!["inner/both"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_without_a_snapshot_changed_is_unknown() {
    needs_git!();
    let bed = Testbed::new();
    bed.write("a", "before");
    let first = bed.store.begin("1", &bed.work()).await;
    // Another program's, which is killed: nothing is known of it.
    let killed = bed.store.0.active.begin("2", &bed.work().canonicalize().unwrap()).unwrap();
    bed.write("a", "after");
    first.end(None).await.unwrap();
    drop(killed);
    assert_eq!(refused(&bed.store.undo("1").await.unwrap()), ["a"]);
    assert_eq!(bed.read("a"), "after");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_one_after_another_can_each_be_undone() {
    needs_git!();
    let bed = Testbed::new();
    bed.write("a", "0");
    bed.answer("1", || bed.write("a", "1")).await;
    bed.answer("2", || bed.write("a", "2")).await;
    assert_eq!(refused(&bed.store.undo("1").await.unwrap()), ["a"]);
    bed.store.undo("2").await.unwrap();
    assert_eq!(bed.read("a"), "1");
    bed.store.undo("1").await.unwrap();
    assert_eq!(bed.read("a"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_that_is_given_up_does_not_count_as_running() {
    needs_git!();
    let bed = Testbed::new();
    bed.answer("1", || bed.write("a", "1")).await;
    let window = bed.store.begin("2", &bed.work()).await;
    assert_eq!(bed.store.undo("1").await, Err(UndoError::Busy));
    drop(window);
    // A killed program leaves its files, and no lock.
    fs::write(bed.home.path().join("data/snapshots/active/3.lock"), "").unwrap();
    assert_eq!(bed.store.undo("1").await.unwrap().restored, ["a"]);
}
