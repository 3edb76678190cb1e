//! Where the steps of one flow stand in a picture: layers from top to bottom, as few crossings as a few sweeps find.
//!
//! Sugiyama's four steps in their simplest form: ways back are turned round, each step stands one layer below the last
//! that leads to it, long ways get a bend in each layer they pass, and neighbours pull each other into line.

use super::{Cluster, Edge};

/// Room between two steps side by side, and between two layers.
const GAP_X: f64 = 26.0;
const GAP_Y: f64 = 64.0;
/// Times the order, and then the places, of all layers are improved.
const SWEEPS: usize = 12;

/// A step or a bend, with its middle.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    layer: usize,
}

/// A way as a line through spots.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Which edge of the cluster.
    pub(super) edge: usize,
    /// Spots from the step it leaves to the step it comes to.
    pub(super) through: Vec<usize>,
    /// It leads upwards.
    pub(super) is_back: bool,
}

/// Where everything of one flow is. The first spots are the steps.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) spots: Vec<Spot>,
    pub(super) lines: Vec<Line>,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Layout {
    pub(super) fn of(cluster: &Cluster, sizes: &[(f64, f64)]) -> Self {
        let inner = |edge: &&Edge| edge.to.is_some_and(|to| to != edge.from);
        let ways: Vec<(usize, usize, usize)> = cluster
            .edges
            .iter()
            .enumerate()
            .filter(|(_, edge)| inner(edge))
            .filter_map(|(number, edge)| Some((number, edge.from, edge.to?)))
            .collect();
        let back = ways_back(sizes.len(), &ways);
        let down: Vec<(usize, usize)> = ways
            .iter()
            .zip(&back)
            .map(|((_, from, to), is_back)| if *is_back { (*to, *from) } else { (*from, *to) })
            .collect();
        let layers = layers_of(sizes.len(), &down);
        let mut layout = Self { spots: Vec::new(), lines: Vec::new(), width: 0.0, height: 0.0 };
        for ((width, height), layer) in sizes.iter().zip(&layers) {
            layout.spots.push(Spot { x: 0.0, y: 0.0, width: *width, height: *height, layer: *layer });
        }
        for (((number, ..), is_back), (high, low)) in ways.iter().zip(&back).zip(&down) {
            layout.add_line(*number, *is_back, *high, *low);
        }
        let rows = layout.ordered();
        layout.place(&rows);
        layout
    }

    /// A line, with a bend in each layer between its ends.
    fn add_line(&mut self, edge: usize, is_back: bool, high: usize, low: usize) {
        let layer = |spot: usize| self.spots.get(spot).map_or(0, |spot| spot.layer);
        let (first, last) = (layer(high), layer(low));
        let mut through = vec![high];
        for layer in first + 1..last {
            through.push(self.spots.len());
            self.spots.push(Spot { x: 0.0, y: 0.0, width: 12.0, height: 0.0, layer });
        }
        through.push(low);
        if is_back {
            through.reverse();
        }
        self.lines.push(Line { edge, through, is_back });
    }

    /// The spots a spot is joined with, in the layer above and in the one below.
    fn neighbours(&self) -> Vec<(Vec<usize>, Vec<usize>)> {
        let mut all = vec![(Vec::new(), Vec::new()); self.spots.len()];
        for line in &self.lines {
            for pair in line.through.windows(2) {
                let [a, b] = pair else { continue };
                let layer = |spot: &usize| self.spots.get(*spot).map_or(0, |spot| spot.layer);
                let (high, low) = if layer(a) <= layer(b) { (*a, *b) } else { (*b, *a) };
                if let Some(of) = all.get_mut(high) {
                    of.1.push(low);
                }
                if let Some(of) = all.get_mut(low) {
                    of.0.push(high);
                }
            }
        }
        all
    }

    /// Each layer's spots from left to right: the median of those a spot is joined with decides.
    fn ordered(&self) -> Vec<Vec<usize>> {
        let count = self.spots.iter().map(|spot| spot.layer + 1).max().unwrap_or(0);
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (number, spot) in self.spots.iter().enumerate() {
            if let Some(row) = rows.get_mut(spot.layer) {
                row.push(number);
            }
        }
        let near = self.neighbours();
        let mut rank: Vec<f64> = vec![0.0; self.spots.len()];
        let number = |rows: &[Vec<usize>], rank: &mut [f64]| {
            for row in rows {
                for (at, spot) in row.iter().enumerate() {
                    if let Some(slot) = rank.get_mut(*spot) {
                        *slot = at as f64 - row.len() as f64 / 2.0;
                    }
                }
            }
        };
        number(&rows, &mut rank);
        let mut best = (crossings(&rows, &near), rows.clone());
        for sweep in 0..SWEEPS {
            let downwards = sweep % 2 == 0;
            let order: Vec<usize> = if downwards { (0..count).collect() } else { (0..count).rev().collect() };
            for layer in order {
                let Some(row) = rows.get_mut(layer) else { continue };
                let mut keyed: Vec<(f64, usize)> = row
                    .iter()
                    .map(|spot| {
                        let own = rank.get(*spot).copied().unwrap_or_default();
                        let near =
                            near.get(*spot).map(|(above, below)| if downwards { above } else { below });
                        (
                            mean(near.into_iter().flatten().filter_map(|other| rank.get(*other)))
                                .unwrap_or(own),
                            *spot,
                        )
                    })
                    .collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                *row = keyed.into_iter().map(|(_, spot)| spot).collect();
                number(&rows, &mut rank);
            }
            let found = crossings(&rows, &near);
            if found < best.0 {
                best = (found, rows.clone());
            }
        }
        best.1
    }

    /// Gives every spot its place.
    fn place(&mut self, rows: &[Vec<usize>]) {
        let mut y = 0.0;
        for row in rows {
            let spots = row.iter().filter_map(|spot| self.spots.get(*spot));
            let tallest = spots.map(|spot| spot.height).fold(0.0, f64::max);
            let mut x = 0.0;
            for spot in row {
                if let Some(spot) = self.spots.get_mut(*spot) {
                    spot.x = x + spot.width / 2.0;
                    spot.y = y + tallest / 2.0;
                    x += spot.width + GAP_X;
                }
            }
            y += tallest + GAP_Y;
        }
        self.height = (y - GAP_Y).max(0.0);
        let near = self.neighbours();
        for sweep in 0..4 * SWEEPS {
            let mut order: Vec<&Vec<usize>> = rows.iter().collect();
            if sweep % 2 == 1 {
                order.reverse();
            }
            for row in order {
                self.align(row, &near, sweep);
            }
        }
        let left = self.spots.iter().map(|spot| spot.x - spot.width / 2.0).fold(f64::INFINITY, f64::min);
        for spot in &mut self.spots {
            spot.x -= left;
        }
        self.width = self.spots.iter().map(|spot| spot.x + spot.width / 2.0).fold(0.0, f64::max);
    }

    /// Moves a layer's spots towards those they are joined with, as far as their neighbours let them.
    fn align(&mut self, row: &[usize], near: &[(Vec<usize>, Vec<usize>)], sweep: usize) {
        let x = |spot: &usize| self.spots.get(*spot).map(|spot| spot.x);
        let wish = |spot: &usize| {
            let (above, below) = near.get(*spot)?;
            let side = match sweep % 4 {
                0 => above.as_slice(),
                1 => below.as_slice(),
                _ => &[],
            };
            let both: Vec<f64> = if side.is_empty() {
                above.iter().chain(below).filter_map(&x).collect()
            } else {
                side.iter().filter_map(&x).collect()
            };
            mean(both.iter())
        };
        let wishes: Vec<f64> =
            row.iter().map(|spot| wish(spot).or_else(|| x(spot)).unwrap_or_default()).collect();
        let widths: Vec<f64> =
            row.iter().filter_map(|spot| self.spots.get(*spot)).map(|spot| spot.width + GAP_X).collect();
        let from_left = spread(&wishes, &widths);
        let turned =
            |list: &[f64], sign: f64| list.iter().rev().map(|value| sign * value).collect::<Vec<f64>>();
        let from_right = turned(&spread(&turned(&wishes, -1.0), &turned(&widths, 1.0)), -1.0);
        for ((spot, left), right) in row.iter().zip(from_left).zip(from_right) {
            if let Some(spot) = self.spots.get_mut(*spot) {
                spot.x = f64::midpoint(left, right);
            }
        }
    }
}

/// Places as near to the wished ones as possible, from left to right without overlapping.
fn spread(wishes: &[f64], widths: &[f64]) -> Vec<f64> {
    let mut last: Option<(f64, f64)> = None;
    wishes
        .iter()
        .zip(widths)
        .map(|(wish, width)| {
            let least = last.map_or(f64::NEG_INFINITY, |(x, before)| x + f64::midpoint(before, *width));
            let x = wish.max(least);
            last = Some((x, *width));
            x
        })
        .collect()
}

fn mean<'a>(values: impl Iterator<Item = &'a f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// How many pairs of joined spots cross.
fn crossings(rows: &[Vec<usize>], near: &[(Vec<usize>, Vec<usize>)]) -> usize {
    let mut count = 0;
    for pair in rows.windows(2) {
        let [high, low] = pair else { continue };
        let at = |spot: &usize| low.iter().position(|other| other == spot);
        let joined: Vec<Vec<usize>> = high
            .iter()
            .map(|spot| {
                near.get(*spot).map(|(_, below)| below.iter().filter_map(&at).collect()).unwrap_or_default()
            })
            .collect();
        for (number, left) in joined.iter().enumerate() {
            for right in joined.iter().skip(number + 1) {
                count += left.iter().map(|a| right.iter().filter(|b| *b < a).count()).sum::<usize>();
            }
        }
    }
    count
}

/// Which ways lead back to a step that is still being followed, depth first from the first step.
fn ways_back(count: usize, ways: &[(usize, usize, usize)]) -> Vec<bool> {
    let mut back = vec![false; ways.len()];
    let mut state = vec![0_u8; count];
    for start in 0..count {
        let mut open: Vec<(usize, usize)> = vec![(start, 0)];
        if state.get(start) != Some(&0) {
            continue;
        }
        while let Some((at, next)) = open.last().copied() {
            if let Some(slot) = state.get_mut(at) {
                *slot = 1;
            }
            let way = ways.iter().enumerate().filter(|(_, (_, from, _))| *from == at).nth(next);
            let Some((number, (_, _, to))) = way else {
                if let Some(slot) = state.get_mut(at) {
                    *slot = 2;
                }
                open.pop();
                continue;
            };
            if let Some(top) = open.last_mut() {
                top.1 += 1;
            }
            match state.get(*to) {
                Some(0) => open.push((*to, 0)),
                Some(1) => {
                    if let Some(slot) = back.get_mut(number) {
                        *slot = true;
                    }
                }
                _ => {}
            }
        }
    }
    back
}

/// One more than the lowest of those above. There are no circles left.
fn layers_of(count: usize, down: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0_usize; count];
    for _ in 0..count {
        let mut is_settled = true;
        for (high, low) in down {
            let least = layers.get(*high).copied().unwrap_or_default() + 1;
            if let Some(slot) = layers.get_mut(*low).filter(|slot| **slot < least) {
                *slot = least;
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
    }
    layers
}
