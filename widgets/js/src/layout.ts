/** A small layered layout, left to right: longest-path ranks, then barycenter sweeps to untangle edges. */

export interface Node {
  id: string;
  upstream: string[];
}

export interface Place {
  column: number;
  /** Rows count from the middle of the drawing, so that columns are centred. */
  row: number;
}

export interface Layout {
  places: Map<string, Place>;
  columns: number;
  rows: number;
}

const SWEEPS = 6;

/** Rank nodes by their longest way from a source. Members of a cycle, which no run makes, go to column 0. */
function ranks(nodes: Node[], known: Map<string, Node>): Map<string, number> {
  const rank = new Map<string, number>();
  const visiting = new Set<string>();
  const of = (node: Node): number => {
    const seen = rank.get(node.id);
    if (seen !== undefined) return seen;
    if (visiting.has(node.id)) return -1;
    visiting.add(node.id);
    let value = 0;
    for (const id of node.upstream) {
      const parent = known.get(id);
      if (parent) value = Math.max(value, of(parent) + 1);
    }
    visiting.delete(node.id);
    rank.set(node.id, value);
    return value;
  };
  for (const node of nodes) of(node);
  return rank;
}

function untangle(layers: string[][], up: Map<string, string[]>, down: Map<string, string[]>): void {
  const position = new Map<string, number>();
  const settle = (layer: string[]): void =>
    layer.forEach((id, index) => position.set(id, (index + 0.5) / layer.length));
  layers.forEach(settle);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    for (const layer of forward ? layers : [...layers].reverse()) {
      const weight = new Map<string, number>();
      for (const id of layer) {
        const near = (forward ? up : down).get(id) ?? [];
        const sum = near.reduce((total, other) => total + (position.get(other) ?? 0), 0);
        weight.set(id, near.length ? sum / near.length : (position.get(id) ?? 0));
      }
      layer.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0));
      settle(layer);
    }
  }
}

export function layout(nodes: Node[]): Layout {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const rank = ranks(nodes, known);
  const layers: string[][] = [];
  const down = new Map<string, string[]>();
  const up = new Map<string, string[]>();
  for (const node of nodes) {
    (layers[rank.get(node.id) ?? 0] ??= []).push(node.id);
    const parents = node.upstream.filter((id) => known.has(id));
    up.set(node.id, parents);
    for (const parent of parents) down.set(parent, [...(down.get(parent) ?? []), node.id]);
  }
  const filled = layers.filter((layer) => layer?.length);
  untangle(filled, up, down);
  const places = new Map<string, Place>();
  filled.forEach((layer, column) =>
    layer.forEach((id, index) => places.set(id, { column, row: index - (layer.length - 1) / 2 })),
  );
  return { places, columns: filled.length, rows: Math.max(1, ...filled.map((layer) => layer.length)) };
}
