/** The run panel: one store per model, any number of views, drawn at most once per frame. */

import type { AnyModel, Initialize, Render } from "@anywidget/types";

import { artifactsSection } from "./artifacts";
import { h } from "./dom";
import { graphSection } from "./graph";
import { headerSection } from "./header";
import { logsSection } from "./logs";
import { complete, mergePatch } from "./merge";
import { pausesSection } from "./pauses";
import { tasksSection } from "./tasks";
import type { Actions, Json, Outgoing, Section, Snapshot } from "./types";

interface Store {
  snapshot: Snapshot;
  listeners: Set<() => void>;
}

type Patch = { [key: string]: Json };

/** Follow the model from its birth: custom messages are not replayed to views made later. */
function follow(model: AnyModel): Store {
  const store: Store = { snapshot: complete(model.get("snapshot")), listeners: new Set() };
  const replace = (snapshot: Snapshot): void => {
    store.snapshot = snapshot;
    store.listeners.forEach((listener) => listener());
  };
  model.on("change:snapshot", () => replace(complete(model.get("snapshot"))));
  model.on("msg:custom", (message: { kind?: string; patch?: Patch }) => {
    if (message?.kind === "patch" && message.patch) replace(mergePatch(store.snapshot, message.patch));
  });
  return store;
}

function actionsOf(model: AnyModel): Actions {
  return {
    send(message: Outgoing): boolean {
      try {
        model.send(message);
        return true;
      } catch {
        return false;
      }
    },
  };
}

/** Call `draw` in the next frame, once however often it is asked for. */
function framed(draw: () => void): { ask: () => void; stop: () => void } {
  let asked = 0;
  const ask = (): void => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      draw();
    });
  };
  return { ask, stop: () => cancelAnimationFrame(asked) };
}

function draw(store: Store, model: AnyModel, el: HTMLElement): () => void {
  const actions = actionsOf(model);
  const sections: Section[] = [
    headerSection(actions),
    pausesSection(actions),
    graphSection(),
    tasksSection(),
    artifactsSection(),
    logsSection(),
  ];
  el.append(h("section", { class: "pst-panel", "aria-label": "Run" }, ...sections.map((part) => part.el)));
  const update = (): void => sections.forEach((part) => part.update(store.snapshot));
  const frame = framed(update);
  store.listeners.add(frame.ask);
  update();
  actions.send({ kind: "ready" });
  return () => {
    store.listeners.delete(frame.ask);
    frame.stop();
    sections.forEach((part) => part.dispose?.());
  };
}

/** A function, so that every model gets a store of its own even where front ends share the module. */
export default function runPanel(): { initialize: Initialize; render: Render } {
  let store: Store | undefined;
  return {
    initialize({ model }) {
      store = follow(model);
    },
    render({ model, el }) {
      return draw((store ??= follow(model)), model, el);
    },
  };
}
