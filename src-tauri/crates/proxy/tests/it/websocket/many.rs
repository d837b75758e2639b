//! Many connections at once.

use futures_util::future::join_all;

use super::client::{Client, create, text_of};
use crate::support::{KEY, eventually, real};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn thirty_two_connections_are_answered_while_others_hang_up_and_send_garbage() {
    let proxy = real().start().await;
    let talk = async |n: usize| {
        let mut client = Client::connect(&proxy, KEY).await;
        match n % 4 {
            0 => {
                client.send(&create("[[words=50 every=5]]")).await;
                client.next().await;
                drop(client);
            }
            1 => {
                for _ in 0..20 {
                    client.send_text("{\"type\":").await;
                    assert_eq!(client.next().await["type"], "error");
                }
                client.close().await;
            }
            _ => {
                let mut previous = None;
                for round in 0..3 {
                    let mut body = create(&format!("[[say=\"{n} {round}\"]]"));
                    body["store"] = false.into();
                    if let Some(id) = &previous {
                        body["previous_response_id"] = serde_json::Value::clone(id);
                    }
                    let response = client.completed(&body).await;
                    assert_eq!(text_of(&response), format!("{n} {round}"));
                    previous = Some(response["id"].clone());
                }
            }
        }
    };
    join_all((0..32).map(talk)).await;
    eventually("nothing is left", || {
        proxy.log.running() == 0 && proxy.turns.borrow().running == 0 && proxy.turns.borrow().waiting == 0
    })
    .await;
}
