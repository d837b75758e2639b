//! Finds import cycles between files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// Each file's imports, with the line of the first.
pub(super) type Graph = BTreeMap<PathBuf, BTreeMap<PathBuf, usize>>;

/// A set of files that import each other, and a shortest cycle through them.
pub(super) struct Cycle<'g> {
    pub(super) files: BTreeSet<&'g Path>,
    /// A file, and the line on which it imports the next; the last imports the first.
    pub(super) steps: Vec<(&'g Path, usize)>,
}

pub(super) fn find(graph: &Graph) -> Vec<Cycle<'_>> {
    let paths: BTreeMap<&Path, BTreeMap<&Path, &Path>> =
        graph.keys().map(|file| (file.as_path(), shortest_paths_from(graph, file))).collect();
    let reaches = |from: &Path, to: &Path| paths.get(from).is_some_and(|paths| paths.contains_key(to));
    let mut cycles: Vec<Cycle<'_>> = Vec::new();
    for (&start, paths) in &paths {
        let Some(steps) = shortest_cycle(graph, start, paths) else { continue };
        match cycles.iter_mut().find(|cycle| cycle.files.contains(start)) {
            Some(cycle) if cycle.steps.len() > steps.len() => cycle.steps = steps,
            Some(_) => {}
            None => {
                let files = paths.keys().copied().filter(|other| reaches(other, start)).collect();
                cycles.push(Cycle { files, steps });
            }
        }
    }
    cycles
}

/// Every file reachable from `start`, with its predecessor on a shortest path.
fn shortest_paths_from<'g>(graph: &'g Graph, start: &'g Path) -> BTreeMap<&'g Path, &'g Path> {
    let mut paths = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(file) = next.pop_front() {
        for to in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if !paths.contains_key(to.as_path()) {
                paths.insert(to.as_path(), file);
                next.push_back(to);
            }
        }
    }
    paths
}

fn shortest_cycle<'g>(
    graph: &'g Graph,
    start: &'g Path,
    paths: &BTreeMap<&'g Path, &'g Path>,
) -> Option<Vec<(&'g Path, usize)>> {
    let (mut steps, mut to) = (Vec::new(), start);
    loop {
        let before = *paths.get(to)?;
        steps.insert(0, (before, *graph.get(before)?.get(to)?));
        to = before;
        if to == start {
            return Some(steps);
        }
    }
}
