use super::*;
use crate::request::ThreadProfile;

fn instructed(model: &str, instructions: &str) -> NewThread {
    NewThread { instructions: Some(instructions.to_owned()), ..plain(model) }
}

fn plain(model: &str) -> NewThread {
    let profile = ThreadProfile { model: Some(model.into()), ..ThreadProfile::plain("/w".into()) };
    NewThread { profile, instructions: None }
}

fn thread(id: &str) -> ReadyThread {
    ReadyThread { id: id.into(), model: "m".into(), path: None }
}

fn pool() -> PrewarmPool {
    PrewarmPool::new(MaxTurns::default())
}

/// So many chats of `model` begin at once; how many of them have a thread.
fn begin(pool: &PrewarmPool, model: &str, chats: usize) -> usize {
    (0..chats).filter(|_| pool.take(&plain(model)).is_some()).count()
}

/// Does what the refilling task does until there is nothing to start. Returns how many threads it started and ended.
fn refill(pool: &PrewarmPool) -> (usize, usize) {
    let (mut started, mut ended) = (0, pool.take_surplus().len());
    while let Some(profile) = pool.lacking() {
        pool.put(&profile, thread(&started.to_string()));
        started += 1;
        ended += pool.take_surplus().len();
    }
    (started, ended)
}

/// The same after new chats of `model`.
fn refill_after(pool: &PrewarmPool, model: &str) -> (usize, usize) {
    pool.hint(&plain(model));
    refill(pool)
}

async fn minutes(minutes: u64) {
    tokio::time::advance(Duration::from_secs(60 * minutes)).await;
}

#[test]
fn thread_is_taken_once_and_only_for_its_own_profile() {
    let pool = pool();
    assert_eq!(begin(&pool, "a", 1), 0);
    pool.put(&plain("a"), thread("1"));
    assert_eq!(pool.take(&plain("b")), None);
    assert_eq!(pool.take(&instructed("a", "be brief")), None);
    assert_eq!(pool.take(&plain("a")), Some(thread("1")));
    assert_eq!(pool.take(&plain("a")), None);
}

#[test]
fn pool_grows_to_the_burst_of_new_chats_and_no_further() {
    let pool = pool();
    assert_eq!(begin(&pool, "a", 1), 0);
    assert_eq!(refill(&pool), (0, 0), "threads are prewarmed once the chat has begun");
    assert_eq!(refill_after(&pool, "a"), (MIN_THREADS, 0));
    assert_eq!((begin(&pool, "a", 8), pool.count()), (2, 0));
    assert_eq!(refill_after(&pool, "a"), (8, 0));
    // One after the other, they need no more.
    for _ in 0..20 {
        assert_eq!(begin(&pool, "a", 1), 1);
        assert_eq!(refill_after(&pool, "a"), (1, 0));
    }
    assert_eq!((begin(&pool, "a", 8), pool.count()), (8, 0));
}

#[test]
fn threads_replaced_during_a_burst_count_for_it() {
    let pool = pool();
    begin(&pool, "a", 3);
    pool.hint(&plain("a"));
    pool.put(&pool.lacking().unwrap(), thread("1"));
    // Two of the five have no thread, so four would have been enough.
    assert_eq!(begin(&pool, "a", 2), 1);
    refill(&pool);
    assert_eq!(pool.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn pool_shrinks_ten_minutes_after_a_burst() {
    let pool = pool();
    begin(&pool, "a", 8);
    refill_after(&pool, "a");
    minutes(4).await;
    begin(&pool, "a", 3);
    refill_after(&pool, "a");
    minutes(5).await;
    assert_eq!((refill(&pool), pool.count()), ((0, 0), 8));
    minutes(1).await;
    assert_eq!((refill(&pool), pool.count()), ((0, 5), 3), "the burst of three is six minutes ago");
    minutes(3).await;
    begin(&pool, "a", 1);
    assert_eq!(refill_after(&pool, "a"), (1, 0));
    minutes(1).await;
    assert_eq!((refill(&pool), pool.count()), ((0, 1), MIN_THREADS));
    minutes(9).await;
    assert_eq!((refill(&pool), pool.count()), ((0, 2), 0), "no chat for ten minutes");
    assert_eq!(begin(&pool, "a", 1), 0);
}

#[tokio::test(start_paused = true)]
async fn change_is_noticed_when_a_burst_is_ten_minutes_ago_or_the_number_of_turns_changes() {
    let max_turns = MaxTurns::default();
    let pool = PrewarmPool::new(max_turns.clone());
    let mut watched = pool.max_turns();
    begin(&pool, "a", 8);
    refill_after(&pool, "a");
    let before = Instant::now();
    // The hint is noticed first.
    pool.changed(&mut watched).await;
    pool.changed(&mut watched).await;
    assert_eq!(before.elapsed(), BURST_AGE);
    begin(&pool, "a", 8);
    max_turns.set(4);
    pool.changed(&mut watched).await;
    assert_eq!(before.elapsed(), BURST_AGE);
}

#[test]
fn no_more_threads_are_ready_than_turns_may_run() {
    let max_turns = MaxTurns::default();
    max_turns.set(5);
    let pool = PrewarmPool::new(max_turns.clone());
    begin(&pool, "a", 8);
    assert_eq!(refill_after(&pool, "a"), (5, 0));
    max_turns.set(1);
    assert_eq!((refill(&pool), pool.count()), ((0, 4), 1));
    max_turns.set(100);
    begin(&pool, "a", 1);
    assert_eq!(refill_after(&pool, "a"), (8, 0));
}

#[test]
fn threads_of_all_profiles_are_bounded() {
    let pool = pool();
    begin(&pool, "a", 100);
    assert_eq!(refill_after(&pool, "a"), (MAX_THREADS, 0));
    begin(&pool, "b", 10);
    assert_eq!((refill_after(&pool, "b"), pool.count()), ((10, 10), MAX_THREADS));
    assert_eq!(begin(&pool, "b", 10), 10);
    assert_eq!(begin(&pool, "a", 100), MAX_THREADS - 10);
    // Both at once.
    pool.hint(&plain("b"));
    refill_after(&pool, "a");
    assert_eq!(pool.count(), MAX_THREADS);
}

#[test]
fn least_recently_used_profile_is_evicted() {
    let pool = pool();
    for model in ["a", "b", "c"] {
        begin(&pool, model, 1);
        refill_after(&pool, model);
    }
    assert_eq!(begin(&pool, "a", 1), 1);
    begin(&pool, "d", 1);
    assert_eq!(refill_after(&pool, "d"), (2, 2));
    assert_eq!([begin(&pool, "a", 1), begin(&pool, "c", 1), begin(&pool, "b", 1)], [1, 1, 0]);
    // Evicted while its thread starts.
    for model in ["x", "y", "z"] {
        begin(&pool, model, 1);
    }
    pool.take_surplus();
    pool.put(&plain("a"), thread("late"));
    assert_eq!(pool.take_surplus(), [thread("late")]);
}

#[test]
fn profile_whose_threads_do_not_start_is_left_alone_until_its_next_chat() {
    let pool = pool();
    begin(&pool, "a", 1);
    pool.hint(&plain("a"));
    pool.give_up(&pool.lacking().unwrap());
    assert_eq!(refill(&pool), (0, 0));
    begin(&pool, "a", 1);
    assert_eq!(refill_after(&pool, "a"), (2, 0));
}

#[test]
fn threads_with_long_instructions_are_not_prewarmed() {
    let pool = pool();
    let long = instructed("a", &"x".repeat(MAX_INSTRUCTIONS_BYTES + 1));
    for profile in [&long, &instructed("a", "be brief")] {
        pool.take(profile);
        pool.hint(profile);
    }
    assert_eq!(pool.lacking(), Some(instructed("a", "be brief")));
}

#[tokio::test(start_paused = true)]
async fn threads_are_not_prewarmed_while_chats_start() {
    let pool = pool();
    let (first, second) = (pool.starting(), pool.starting());
    let calm = async || tokio::time::timeout(Duration::from_secs(1), pool.calm()).await.is_ok();
    drop(first);
    assert!(!calm().await);
    drop(second);
    assert!(calm().await);
}
