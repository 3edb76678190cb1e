//! A graph as a picture of its own: one frame for each flow, steps in layers, people round, urgency in colour.

use std::fmt::{self, Write as _};

use super::layout::{Layout, Line, Spot};
use super::{Cluster, Edge, Graph, Node};

/// Room inside a frame, and its title's height.
const PAD: f64 = 28.0;
const TITLE: f64 = 34.0;
/// Between two frames.
const BETWEEN: f64 = 30.0;
/// Characters of a label; more stands in its tooltip.
const LABEL_CHARS_MAX: usize = 30;
/// Widths of a character of the names and of the small text.
const WIDE: f64 = 7.6;
const SMALL: f64 = 6.2;
/// Questions and people.
const LINE: &str = "#64748b";

impl Graph {
    /// As an SVG document that needs nothing else.
    pub fn svg(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write_svg(&mut text);
        text
    }

    fn write_svg(&self, out: &mut String) -> fmt::Result {
        let layouts: Vec<Layout> = self
            .clusters
            .iter()
            .map(|cluster| Layout::of(cluster, &cluster.nodes.iter().map(size_of).collect::<Vec<_>>()))
            .collect();
        let frames = frames(&layouts);
        let width = frames.iter().map(|frame| frame.x + frame.width).fold(0.0, f64::max) + BETWEEN;
        let height = frames.iter().map(|frame| frame.y + frame.height).fold(0.0, f64::max) + BETWEEN;
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" font-family=\"Inter, 'DejaVu Sans', Helvetica, Arial, sans-serif\">"
        )?;
        writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>")?;
        writeln!(
            out,
            "<defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto-start-reverse\"><path d=\"M0 1 L10 5 L0 9 z\" fill=\"context-stroke\"/></marker></defs>"
        )?;
        for ((cluster, layout), frame) in self.clusters.iter().zip(&layouts).zip(&frames) {
            self.frame(out, cluster, frame)?;
            writeln!(out, "<g transform=\"translate({:.1} {:.1})\">", frame.x + PAD, frame.y + PAD + TITLE)?;
            for line in &layout.lines {
                if let Some(edge) = cluster.edges.get(line.edge) {
                    draw_line(out, cluster, layout, line, edge)?;
                }
            }
            for (node, spot) in cluster.nodes.iter().zip(&layout.spots) {
                self.draw_node(out, node, spot)?;
            }
            for line in &layout.lines {
                if let Some(edge) = cluster.edges.get(line.edge) {
                    draw_label(out, cluster, layout, line, edge)?;
                }
            }
            writeln!(out, "</g>")?;
        }
        writeln!(out, "</svg>")
    }

    fn frame(&self, out: &mut String, cluster: &Cluster, frame: &Frame) -> fmt::Result {
        writeln!(
            out,
            "<g id=\"flow-{}\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"14\" \
             fill=\"#f8fafc\" stroke=\"#cbd5e1\"/>",
            escaped(&cluster.flow),
            frame.x,
            frame.y,
            frame.width,
            frame.height
        )?;
        writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"17\" font-weight=\"700\" fill=\"#0f172a\">{}</text></g>",
            frame.x + PAD,
            frame.y + PAD,
            escaped(&cluster.flow)
        )
    }

    fn draw_node(&self, out: &mut String, node: &Node, spot: &Spot) -> fmt::Result {
        let (fill, stroke) = node.urgency.map_or(("#ffffff", LINE), crate::Urgency::colours);
        let radius = if node.helps { spot.height / 2.0 } else { 7.0 };
        let weight = if node.helps { 2.4 } else { 1.2 };
        let dash = if node.computes { " stroke-dasharray=\"4 3\"" } else { "" };
        let (left, top) = (spot.x - spot.width / 2.0, spot.y - spot.height / 2.0);
        write!(out, "<g><title>{}: {} {}</title>", escaped(&node.step), node.verb, escaped(&node.what))?;
        write!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius:.1}\" fill=\"{fill}\" \
             stroke=\"{stroke}\" stroke-width=\"{weight}\"{dash}/>",
            spot.width, spot.height
        )?;
        let line = |out: &mut String, down: f64, style: &str, text: &str| {
            write!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" {style}>{}</text>",
                spot.x,
                top + down,
                escaped(text)
            )
        };
        line(out, 17.0, "font-size=\"13\" font-weight=\"600\" fill=\"#0f172a\"", &node.step)?;
        line(out, 32.0, "font-size=\"11\" fill=\"#475569\"", &second_line(node))?;
        let mut down = 47.0;
        for callee in node.calls.iter().filter_map(|callee| self.clusters.get(*callee)) {
            write!(out, "<a href=\"#flow-{}\">", escaped(&callee.flow))?;
            let text = format!("▸ {}", callee.flow);
            line(out, down, "font-size=\"11\" font-weight=\"600\" fill=\"#1d4ed8\"", &text)?;
            write!(out, "</a>")?;
            down += 15.0;
        }
        if node.returns {
            line(out, down, "font-size=\"11\" fill=\"#475569\"", "↩ back to the caller’s flow")?;
            down += 15.0;
        }
        if let Some(count) = node.count {
            line(out, down, "font-size=\"11\" font-weight=\"600\" fill=\"#0f766e\"", &format!("{count} ×"))?;
        }
        writeln!(out, "</g>")
    }
}

/// A flow's part of the picture.
#[derive(Debug)]
struct Frame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// The first flow at the left, the others in columns beside it, none much longer than it.
fn frames(layouts: &[Layout]) -> Vec<Frame> {
    let size = |layout: &Layout| (layout.width.max(150.0) + 2.0 * PAD, layout.height + 2.0 * PAD + TITLE);
    let tallest = layouts.iter().map(|layout| size(layout).1).fold(0.0, f64::max);
    let (mut x, mut y, mut column) = (BETWEEN, BETWEEN, 0.0_f64);
    layouts
        .iter()
        .enumerate()
        .map(|(number, layout)| {
            let (width, height) = size(layout);
            if number == 1 || (number > 1 && y + height > tallest + 2.0 * BETWEEN) {
                x += column + BETWEEN;
                (y, column) = (BETWEEN, 0.0);
            }
            let frame = Frame { x, y, width, height };
            y += height + BETWEEN;
            column = column.max(width);
            frame
        })
        .collect()
}

fn size_of(node: &Node) -> (f64, f64) {
    let chars = |text: &str| text.chars().count() as f64;
    let names = chars(&node.step) * WIDE * 1.06;
    let small = chars(&second_line(node)) * SMALL;
    let calls = if node.calls.is_empty() { 0.0 } else { 130.0 };
    let more = node.calls.len() + usize::from(node.returns) + usize::from(node.count.is_some());
    let returns = if node.returns { 165.0 } else { 0.0 };
    (names.max(small).max(calls).max(returns).max(90.0) + 28.0, 41.0 + 15.0 * more as f64)
}

fn second_line(node: &Node) -> String {
    if node.what.is_empty() { node.verb.to_owned() } else { format!("{} · {}", node.verb, node.what) }
}

/// Where a line leaves or reaches a step: each of its lines has a place of its own, in the order of where it leads.
fn port(layout: &Layout, line: &Line, at_start: bool) -> Option<(f64, f64)> {
    let ends = |line: &Line| match at_start {
        true => Some((*line.through.first()?, *line.through.get(1)?)),
        false => Some((*line.through.last()?, *line.through.iter().rev().nth(1)?)),
    };
    let (step, next) = ends(line)?;
    let spot = layout.spots.get(step)?;
    let is_below = layout.spots.get(next)?.y > spot.y;
    let side = |other: &Line, start: bool| {
        let (own, near) = match start {
            true => (*other.through.first()?, *other.through.get(1)?),
            false => (*other.through.last()?, *other.through.iter().rev().nth(1)?),
        };
        let near = layout.spots.get(near)?;
        (own == step && (near.y > spot.y) == is_below).then_some((near.x, other.edge, start))
    };
    let mut all: Vec<(f64, usize, bool)> =
        layout.lines.iter().flat_map(|other| [side(other, true), side(other, false)]).flatten().collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let place = all.iter().position(|(_, edge, start)| *edge == line.edge && *start == at_start)?;
    let room = spot.width - 36.0;
    let part = (place as f64 + 1.0) / (all.len() as f64 + 1.0);
    let y = if is_below { spot.y + spot.height / 2.0 } else { spot.y - spot.height / 2.0 };
    Some((spot.x - room / 2.0 + room * part, y))
}

/// The points of a line, from port to port.
fn points(layout: &Layout, line: &Line) -> Vec<(f64, f64)> {
    let bends = line.through.iter().filter_map(|spot| layout.spots.get(*spot)).map(|spot| (spot.x, spot.y));
    let mut points: Vec<(f64, f64)> = bends.collect();
    if let (Some(first), Some(port)) = (points.first_mut(), port(layout, line, true)) {
        *first = port;
    }
    if let (Some(last), Some(port)) = (points.last_mut(), port(layout, line, false)) {
        *last = port;
    }
    points
}

fn colour(cluster: &Cluster, edge: &Edge) -> &'static str {
    let target = edge.to.and_then(|to| cluster.nodes.get(to)).and_then(|node| node.urgency);
    edge.urgency.or(target).map_or(LINE, |urgency| urgency.colours().1)
}

fn draw_line(out: &mut String, cluster: &Cluster, layout: &Layout, line: &Line, edge: &Edge) -> fmt::Result {
    let points = points(layout, line);
    let Some((x, y)) = points.first() else { return Ok(()) };
    let mut path = format!("M{x:.1} {y:.1}");
    for pair in points.windows(2) {
        let [(ax, ay), (bx, by)] = pair else { continue };
        let middle = f64::midpoint(*ay, *by);
        write!(path, " C{ax:.1} {middle:.1} {bx:.1} {middle:.1} {bx:.1} {by:.1}")?;
    }
    let dash = if line.is_back { " stroke-dasharray=\"6 4\"" } else { "" };
    writeln!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\"{dash} marker-end=\"url(#tip)\"/>",
        colour(cluster, edge)
    )
}

/// The exit's words, close to the step they belong to; neighbours one below the other.
fn draw_label(out: &mut String, cluster: &Cluster, layout: &Layout, line: &Line, edge: &Edge) -> fmt::Result {
    let label = edge.label();
    let (Some((x, y)), false) = (port(layout, line, true), label.is_empty()) else { return Ok(()) };
    let siblings = layout.lines.iter().filter(|other| other.through.first() == line.through.first());
    let mut places: Vec<(f64, usize)> =
        siblings.filter_map(|other| Some((port(layout, other, true)?.0, other.edge))).collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let turn = places.iter().position(|(_, number)| *number == line.edge).unwrap_or_default();
    let down = if line.is_back { -8.0 } else { 15.0 + 12.0 * (turn % 3) as f64 };
    let short: String = label.chars().take(LABEL_CHARS_MAX).collect();
    let more = if short.len() < label.len() { " …" } else { "" };
    writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" font-weight=\"600\" fill=\"{}\" \
         stroke=\"#f8fafc\" stroke-width=\"4\" paint-order=\"stroke\"><title>{}</title>{}{more}</text>",
        y + down,
        colour(cluster, edge),
        escaped(&edge.words.join(", ")),
        escaped(&short)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
