//! Order in a graph of needs. petgraph is used here and nowhere else.

use std::collections::BTreeSet;
use std::time::Duration;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// Nodes that need one another in a circle; the first is named again at the end
/// by whoever prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle(pub Vec<usize>);

/// An order in which every node comes after what it needs, and otherwise stays
/// where it was: petgraph's own `toposort` does not keep the given order.
///
/// # Errors
/// Every circle that keeps nodes from being ordered, each whole.
pub fn topological(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<Cycle>> {
    let mut waiting: Vec<usize> = needs
        .iter()
        .map(|needs| needs.iter().collect::<BTreeSet<_>>().len())
        .collect();
    let mut dependents = vec![Vec::new(); needs.len()];
    for (node, needs) in needs.iter().enumerate() {
        for &need in needs.iter().collect::<BTreeSet<_>>() {
            dependents[need].push(node);
        }
    }
    let mut ready: BTreeSet<usize> = (0..needs.len())
        .filter(|&node| waiting[node] == 0)
        .collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(node) = ready.pop_first() {
        order.push(node);
        for &dependent in &dependents[node] {
            waiting[dependent] -= 1;
            if waiting[dependent] == 0 {
                ready.insert(dependent);
            }
        }
    }
    if order.len() == needs.len() {
        Ok(order)
    } else {
        Err(cycles(needs))
    }
}

fn cycles(needs: &[Vec<usize>]) -> Vec<Cycle> {
    let mut graph: DiGraph<(), ()> = DiGraph::new();
    let nodes: Vec<NodeIndex> = needs.iter().map(|_| graph.add_node(())).collect();
    for (node, needs) in needs.iter().enumerate() {
        for &need in needs {
            graph.add_edge(nodes[node], nodes[need], ());
        }
    }
    let mut cycles: Vec<Cycle> = tarjan_scc(&graph)
        .into_iter()
        .map(|component| {
            component
                .into_iter()
                .map(NodeIndex::index)
                .collect::<BTreeSet<usize>>()
        })
        .filter(|component| {
            component
                .iter()
                .any(|node| needs[*node].iter().any(|need| component.contains(need)))
        })
        .filter(|component| {
            component.len() > 1 || component.iter().any(|node| needs[*node].contains(node))
        })
        .map(|component| Cycle(walk(needs, &component)))
        .collect();
    cycles.sort_by_key(|cycle| cycle.0.first().copied());
    cycles
}

/// A shortest circle through the component's first node.
fn walk(needs: &[Vec<usize>], component: &BTreeSet<usize>) -> Vec<usize> {
    let Some(&start) = component.first() else {
        return Vec::new();
    };
    let mut paths = std::collections::VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop_front() {
        let Some(&last) = path.last() else { continue };
        for &need in &needs[last] {
            if need == start {
                return path;
            }
            if component.contains(&need) && seen.insert(need) {
                let mut longer = path.clone();
                longer.push(need);
                paths.push_back(longer);
            }
        }
    }
    component.iter().copied().collect()
}

/// The costliest chain of needs, from its first node to its last, and its cost.
/// `needs` is in topological order.
#[must_use]
pub fn critical_path(needs: &[&[usize]], cost: &[Duration]) -> (Vec<usize>, Duration) {
    let mut total = vec![Duration::ZERO; needs.len()];
    let mut previous = vec![None; needs.len()];
    for node in 0..needs.len() {
        let longest = needs[node]
            .iter()
            .copied()
            .reduce(|a, b| if total[b] > total[a] { b } else { a });
        previous[node] = longest;
        total[node] = cost[node] + longest.map_or(Duration::ZERO, |need| total[need]);
    }
    let mut end = (0..needs.len()).reduce(|a, b| if total[b] > total[a] { b } else { a });
    let length = end.map_or(Duration::ZERO, |end| total[end]);
    let mut path = Vec::new();
    while let Some(node) = end {
        path.push(node);
        end = previous[node];
    }
    path.reverse();
    (path, length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(vec![], vec![])]
    #[case(vec![vec![], vec![], vec![]], vec![0, 1, 2])]
    #[case(vec![vec![2], vec![], vec![]], vec![1, 2, 0])]
    #[case(vec![vec![], vec![0], vec![0], vec![1, 2]], vec![0, 1, 2, 3])]
    #[case(vec![vec![3], vec![], vec![1], vec![1]], vec![1, 2, 3, 0])]
    #[case(vec![vec![1, 1], vec![]], vec![1, 0])]
    fn order_is_topological_and_otherwise_the_files(
        #[case] needs: Vec<Vec<usize>>,
        #[case] expected: Vec<usize>,
    ) {
        assert_eq!(topological(&needs), Ok(expected));
    }

    #[rstest]
    #[case(vec![vec![0]], vec![vec![0]])]
    #[case(vec![vec![1], vec![2], vec![0]], vec![vec![0, 1, 2]])]
    #[case(vec![vec![1], vec![0], vec![3], vec![2]], vec![vec![0, 1], vec![2, 3]])]
    #[case(vec![vec![], vec![2, 0], vec![1]], vec![vec![1, 2]])]
    fn a_cycle_is_named_whole(#[case] needs: Vec<Vec<usize>>, #[case] expected: Vec<Vec<usize>>) {
        let expected = expected.into_iter().map(Cycle).collect();
        assert_eq!(topological(&needs), Err(expected));
    }

    #[test]
    fn the_critical_path_is_the_costliest_chain() {
        let seconds = |values: &[u64]| {
            values
                .iter()
                .map(|value| Duration::from_secs(*value))
                .collect::<Vec<_>>()
        };
        let needs: [&[usize]; 4] = [&[], &[0], &[0], &[1, 2]];
        assert_eq!(
            critical_path(&needs, &seconds(&[1, 5, 9, 1])),
            (vec![0, 2, 3], Duration::from_secs(11))
        );
        assert_eq!(critical_path(&[], &[]), (vec![], Duration::ZERO));
    }

    proptest! {
        #[test]
        fn every_graph_is_ordered_or_shown_to_be_circular(
            edges in proptest::collection::vec((0usize..12, 0usize..12), 0..30),
        ) {
            let mut needs = vec![Vec::new(); 12];
            for (node, need) in edges {
                needs[node].push(need);
            }
            match topological(&needs) {
                Ok(order) => {
                    let mut place = [usize::MAX; 12];
                    for (position, &node) in order.iter().enumerate() {
                        place[node] = position;
                    }
                    prop_assert!(place.iter().all(|position| *position < 12), "every node once");
                    for (node, needs) in needs.iter().enumerate() {
                        for &need in needs {
                            prop_assert!(place[need] < place[node]);
                        }
                    }
                }
                Err(cycles) => {
                    prop_assert!(!cycles.is_empty());
                    for Cycle(nodes) in cycles {
                        for (position, node) in nodes.iter().enumerate() {
                            let next = nodes[(position + 1) % nodes.len()];
                            prop_assert!(needs[*node].contains(&next), "{node} does not need {next}");
                        }
                    }
                }
            }
        }
    }
}
