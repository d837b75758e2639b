//! Finds files that import each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// Which file imports which, each with the first line that does.
pub(super) type Graph = BTreeMap<PathBuf, BTreeMap<PathBuf, usize>>;

/// Files that reach each other, and a shortest way round.
pub(super) struct Circle<'g> {
    pub(super) files: BTreeSet<&'g Path>,
    /// Each step: a file and the line of its import of the next; the last imports the first.
    pub(super) steps: Vec<(&'g Path, usize)>,
}

pub(super) fn find(graph: &Graph) -> Vec<Circle<'_>> {
    let ways: BTreeMap<&Path, BTreeMap<&Path, &Path>> =
        graph.keys().map(|file| (file.as_path(), ways_from(graph, file))).collect();
    let reaches = |from: &Path, to: &Path| ways.get(from).is_some_and(|ways| ways.contains_key(to));
    let mut circles: Vec<Circle<'_>> = Vec::new();
    for (&start, ways) in &ways {
        let Some(steps) = way_round(graph, start, ways) else { continue };
        match circles.iter_mut().find(|circle| circle.files.contains(start)) {
            Some(circle) if circle.steps.len() > steps.len() => circle.steps = steps,
            Some(_) => {}
            None => {
                let files = ways.keys().copied().filter(|other| reaches(other, start)).collect();
                circles.push(Circle { files, steps });
            }
        }
    }
    circles
}

/// Every file that `start` reaches, with the file before it on a shortest way.
fn ways_from<'g>(graph: &'g Graph, start: &'g Path) -> BTreeMap<&'g Path, &'g Path> {
    let mut ways = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(file) = next.pop_front() {
        for to in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if !ways.contains_key(to.as_path()) {
                ways.insert(to.as_path(), file);
                next.push_back(to);
            }
        }
    }
    ways
}

fn way_round<'g>(
    graph: &'g Graph,
    start: &'g Path,
    ways: &BTreeMap<&'g Path, &'g Path>,
) -> Option<Vec<(&'g Path, usize)>> {
    let (mut steps, mut to) = (Vec::new(), start);
    loop {
        let before = *ways.get(to)?;
        steps.insert(0, (before, *graph.get(before)?.get(to)?));
        to = before;
        if to == start {
            return Some(steps);
        }
    }
}
