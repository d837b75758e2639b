//! Open WebUI's own calls (titles, tags, follow-ups, search queries), which nobody typed: they go to the smallest model.
//!
//! Which requests these are is said in `translate::request`, and what is small in `catalog`. Nothing else of a request is
//! touched: its tools and the form of its answer stay what they were.

use super::Proxy;
use crate::catalog::{lowest_effort, smallest};
use crate::exchange::log::Recorder;
use crate::translate::wanted::Wanted;

/// Has a side call answered by the smallest model at its lowest effort, if the settings say so. Where codex does not tell its models
/// the request stays as it is; whoever looks for its model says why.
pub(super) async fn to_smallest(proxy: &Proxy, wanted: &mut Wanted, entry: &Recorder) {
    if !proxy.settings.side_calls {
        return;
    }
    let Ok(models) = proxy.catalog.models(proxy.codex.plain()).await else { return };
    // A model of the settings that codex does not list is one of the user's own provider, which may know none of the list.
    let own = proxy.settings.model.as_ref();
    if own.is_some_and(|own| !models.iter().any(|model| model.id == *own)) {
        return;
    }
    let Some(model) = smallest(&models) else { return };
    wanted.model.clone_from(&model.id);
    wanted.effort = lowest_effort(model).cloned();
    let effort = wanted.effort.as_deref().map(|effort| format!(", {effort} effort")).unwrap_or_default();
    entry.model(&model.id);
    entry.step("A side call: goes to the smallest model", Some(&format!("{}{effort}", model.id)), false);
}
