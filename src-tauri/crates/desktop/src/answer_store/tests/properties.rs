//! The store on disk is the same as the one in memory.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proxy::store::MemoryStore;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// A response that continues an earlier object, or begins a conversation.
    Respond {
        after: Option<Index>,
        items: usize,
    },
    /// An object of a kind with these labels.
    Create {
        kind: Kind,
        label: u8,
    },
    /// Items at the end of an object.
    Append(Index, usize),
    /// An object loses an item: all from its batch on are in a new one.
    DeleteItem(Index, Index),
    Relabel(Index, u8),
    Delete(Index),
    Clear,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![Just(Kind::Conversation), Just(Kind::Chat)];
    let step = prop_oneof![
        4 => (proptest::option::of(any::<Index>()), 0..4_usize)
            .prop_map(|(after, items)| Step::Respond { after, items }),
        2 => (kind, 0..3_u8).prop_map(|(kind, label)| Step::Create { kind, label }),
        3 => (any::<Index>(), 0..4_usize).prop_map(|(object, items)| Step::Append(object, items)),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(object, item)| Step::DeleteItem(object, item)),
        1 => (any::<Index>(), 0..3_u8).prop_map(|(object, label)| Step::Relabel(object, label)),
        3 => any::<Index>().prop_map(Step::Delete),
        1 => Just(Step::Clear),
        2 => Just(Step::Restart),
    ];
    vec(step, 1..30)
}

/// Both stores, and what was ever put into them.
struct Both {
    test: Test,
    memory: MemoryStore,
    disk: AnswerStore,
    objects: Vec<(Kind, String)>,
    batches: usize,
}

impl Both {
    fn new() -> Self {
        let test = Test::new();
        let disk = test.open();
        Self {
            disk,
            test,
            memory: MemoryStore::bounded(usize::MAX, usize::MAX),
            objects: Vec::new(),
            batches: 0,
        }
    }

    fn new_batch(&mut self, items: usize) -> Arc<Batch> {
        self.batches += 1;
        batch(&format!("b{}", self.batches), &vec!["text"; items])
    }

    fn put(&mut self, object: &Object, batches: &[Arc<Batch>]) {
        self.memory.put(object, batches).unwrap();
        self.disk.put(object, batches).unwrap();
    }

    fn create(&mut self, kind: Kind, label: u8, batches: &[Arc<Batch>]) {
        let id = format!("{}_{:03}", kind.name(), self.objects.len());
        let metadata = BTreeMap::from([("label".to_owned(), label.to_string())]);
        self.put(&Object { metadata, ..object(kind, &id) }, batches);
        self.objects.push((kind, id));
    }

    /// One of the objects, if it is still there.
    fn pick(&self, index: Index) -> Option<Stored> {
        let (kind, id) = (!self.objects.is_empty()).then(|| index.get(&self.objects))?;
        self.disk.load("k", *kind, id).unwrap()
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Respond { after, items } => {
                let before = after.and_then(|after| self.pick(after));
                let mut batches = before.map(|before| before.batches).unwrap_or_default();
                batches.push(self.new_batch(*items));
                self.create(Kind::Response, 0, &batches);
            }
            Step::Create { kind, label } => {
                let first = self.new_batch(1);
                self.create(*kind, *label, &[first]);
            }
            Step::Append(index, items) => {
                if let Some(mut stored) = self.pick(*index) {
                    stored.batches.push(self.new_batch(*items));
                    self.put(&stored.object, &stored.batches);
                }
            }
            Step::DeleteItem(index, at) => {
                let Some(stored) = self.pick(*index) else { return };
                let at = at.index(stored.batches.len().max(1));
                let (kept, rest) = stored.batches.split_at(at.min(stored.batches.len()));
                self.batches += 1;
                let items = rest.iter().flat_map(|batch| batch.items.iter().cloned()).skip(1).collect();
                let rest = Arc::new(Batch { id: format!("b{}", self.batches), items });
                self.put(&stored.object, &[kept, &[rest]].concat());
            }
            Step::Relabel(index, label) => {
                if let Some(stored) = self.pick(*index) {
                    let metadata = BTreeMap::from([("label".to_owned(), label.to_string())]);
                    let object = Object { metadata, ..Arc::unwrap_or_clone(stored.object) };
                    self.put(&object, &stored.batches);
                }
            }
            Step::Delete(index) => {
                let Some(stored) = self.pick(*index) else { return };
                let deleted = [&self.memory as &dyn Store, &self.disk]
                    .map(|store| store.delete("k", stored.object.kind, &stored.object.id).unwrap());
                assert_eq!(deleted, [true, true]);
            }
            Step::Clear => {
                self.memory.clear().unwrap();
                self.disk.clear().unwrap();
            }
            Step::Restart => {
                self.disk.close();
                self.disk = self.test.open();
            }
        }
    }

    fn assert_equal(&self) {
        for (kind, id) in &self.objects {
            assert_eq!(self.disk.load("k", *kind, id).unwrap(), self.memory.load("k", *kind, id).unwrap());
            assert_eq!(self.disk.load("other", *kind, id).unwrap(), None);
        }
        let middle = self.objects.get(self.objects.len() / 2).map(|(_, id)| id.clone());
        for kind in [Kind::Response, Kind::Conversation, Kind::Chat] {
            for (after, descending, limit) in
                [(None, false, 99), (None, true, 2), (middle.clone(), true, 99), (middle.clone(), false, 1)]
            {
                for metadata in [BTreeMap::new(), BTreeMap::from([("label".to_owned(), "1".to_owned())])] {
                    let query =
                        Query { kind, after: after.clone(), descending, limit, model: None, metadata };
                    assert_eq!(
                        self.disk.list("k", &query).unwrap(),
                        self.memory.list("k", &query).unwrap(),
                        "{query:?}"
                    );
                    let other = Query { model: Some("another".to_owned()), ..query };
                    assert_eq!(self.disk.list("k", &other).unwrap(), []);
                }
            }
        }
        let ids: Vec<String> = (0..=self.batches).map(|batch| format!("msg_b{batch}_0")).collect();
        let found = [&self.memory as &dyn Store, &self.disk].map(|store| {
            let mut found = store.find_items("k", &ids).unwrap();
            found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
            found
        });
        assert_eq!(found[0], found[1]);
        if self.objects.iter().all(|(kind, id)| self.disk.load("k", *kind, id).unwrap().is_none()) {
            assert_eq!(
                (self.test.count("batches"), self.test.count("items")),
                (0, 0),
                "nothing is left behind"
            );
            assert_eq!(self.memory.bytes(), 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_sequence_of_changes_has_the_same_result_in_memory_and_on_disk(steps in steps()) {
        let mut both = Both::new();
        for step in &steps {
            both.take(step);
        }
        both.assert_equal();
        for index in 0..both.objects.len() {
            let (kind, id) = both.objects[index].clone();
            both.memory.delete("k", kind, &id).unwrap();
            both.disk.delete("k", kind, &id).unwrap();
        }
        both.assert_equal();
    }
}
