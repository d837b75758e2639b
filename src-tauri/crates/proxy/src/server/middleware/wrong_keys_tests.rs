use futures_util::FutureExt;
use futures_util::future::join_all;

use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn other(number: u32) -> IpAddr {
    IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number))
}

/// Whether refusing one more wrong key takes a while.
async fn is_slow(keys: &WrongKeys, from: IpAddr) -> bool {
    let begun = Instant::now();
    keys.note(from).await.unwrap();
    let took = begun.elapsed();
    assert!(took.is_zero() || took == DELAY, "{took:?}");
    !took.is_zero()
}

async fn use_up(keys: &WrongKeys, from: IpAddr) {
    for _ in 0..FREE {
        assert!(!is_slow(keys, from).await);
    }
}

#[tokio::test(start_paused = true)]
async fn the_twenty_first_wrong_key_of_a_minute_is_refused_slowly_and_other_addresses_do_not_feel_it() {
    let keys = WrongKeys::default();
    use_up(&keys, HERE).await;
    assert!(is_slow(&keys, HERE).await);
    assert!(!is_slow(&keys, other(1)).await);
    tokio::time::sleep(WITHIN).await;
    assert!(!is_slow(&keys, HERE).await, "a minute later it is as before");
}

#[tokio::test(start_paused = true)]
async fn wrong_keys_now_and_then_are_never_slow() {
    let keys = WrongKeys::default();
    for _ in 0..100 {
        assert!(!is_slow(&keys, HERE).await);
        tokio::time::sleep(WITHIN / 20).await;
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_wait_and_the_others_are_refused_at_once() {
    let keys = WrongKeys::default();
    use_up(&keys, HERE).await;
    let begun = Instant::now();
    let mut refusals: Vec<_> = (0..WAITING_EACH).map(|_| Box::pin(keys.note(HERE))).collect();
    assert!(refusals.iter_mut().all(|refusal| refusal.now_or_never().is_none()));
    assert_eq!(keys.note(HERE).now_or_never(), Some(Err(TooMany)));
    // Whoever hangs up makes room, and does not wait in anybody's stead.
    refusals.pop();
    let last = Box::pin(keys.note(HERE));
    refusals.push(last);
    assert!(join_all(refusals).await.iter().all(Result::is_ok));
    assert_eq!(begun.elapsed(), DELAY);
    assert!(is_slow(&keys, HERE).await);
}

#[tokio::test(start_paused = true)]
async fn one_address_does_not_take_every_place_and_all_together_no_more_than_there_are() {
    let keys = WrongKeys::default();
    let mut refusals = Vec::new();
    let addresses = u32::try_from(WAITING / WAITING_EACH).unwrap();
    for number in 0..=addresses {
        use_up(&keys, other(number)).await;
    }
    for number in 0..addresses {
        for _ in 0..WAITING_EACH {
            let mut refusal = Box::pin(keys.note(other(number)));
            assert!((&mut refusal).now_or_never().is_none());
            refusals.push(refusal);
        }
    }
    assert_eq!(refusals.len(), WAITING);
    assert_eq!(keys.note(other(addresses)).now_or_never(), Some(Err(TooMany)));
    assert_eq!(keys.note(HERE).now_or_never(), Some(Ok(())), "a first wrong key is refused as ever");
}

#[tokio::test(start_paused = true)]
async fn any_number_of_addresses_takes_bounded_memory_and_those_that_wait_are_not_forgotten() {
    let keys = WrongKeys::default();
    use_up(&keys, HERE).await;
    let mut waiting = Box::pin(keys.note(HERE));
    assert!((&mut waiting).now_or_never().is_none());
    for number in 0..3 * u32::try_from(ADDRESSES).unwrap() {
        keys.note(other(number)).now_or_never().unwrap().unwrap();
    }
    {
        let addresses = lock(&keys.addresses);
        assert_eq!(addresses.len(), ADDRESSES);
        assert!(addresses.contains_key(&HERE));
        assert!(addresses.values().all(|address| address.recent.len() <= FREE));
    }
    drop(waiting);
    assert_eq!(keys.places.available_permits(), WAITING);
}

#[tokio::test(start_paused = true)]
async fn a_network_of_ipv6_and_an_address_in_either_writing_count_as_one() {
    let keys = WrongKeys::default();
    for number in 0..u16::try_from(FREE).unwrap() {
        let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, number, 2, 3, 4));
        assert!(!is_slow(&keys, address).await);
    }
    assert!(is_slow(&keys, "2001:db8:0:1::9".parse().unwrap()).await);
    assert!(!is_slow(&keys, "2001:db8:0:2::9".parse().unwrap()).await);
    use_up(&keys, HERE).await;
    assert!(is_slow(&keys, "::ffff:127.0.0.1".parse().unwrap()).await);
}
