"use strict";
// Draws the report. Whatever comes from it becomes text nodes or attributes set by name, never markup.
(() => {
  const report = JSON.parse(document.getElementById("report").textContent);
  const { session, events } = report;
  const LANES = {
    session: "Session", you: "You", commands: "Commands", claude: "Claude", plan: "Plan and hints",
    observer: "Observer", learning: "Learning", other: "Other",
  };
  const LEVELS = ["off", "low", "medium", "high"];
  const SVG = "http://www.w3.org/2000/svg";

  // ---- Small tools ----

  const build = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === false || value == null) continue;
      node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child != null));
    return node;
  };
  const el = (name, attributes, ...children) => build(document.createElement(name), attributes, children);
  const svg = (name, attributes, ...children) => build(document.createElementNS(SVG, name), attributes, children);
  const words = (name) => String(name).replaceAll("_", " ");
  const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const count = (number, one, many = one + "s") => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
  const ms = (at) => Date.parse(at);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  const duration = (millis) => {
    const s = Math.floor(millis / 1000);
    if (s === 0) return `${Math.round(millis)} ms`;
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
    return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
  };
  const offset = (millis) => {
    const s = Math.floor(millis / 1000);
    const two = (n) => String(n).padStart(2, "0");
    return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  };
  const dollars = (sum) => (sum === 0 ? "$0" : `$${sum.toFixed(sum >= 1 ? 2 : 4)}`);
  const moment = (at) => new Date(at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  const day = (at) => new Date(at).toLocaleDateString("en", { day: "numeric", month: "short" });
  const clock = (at) => new Date(at).toLocaleTimeString("en", { hour12: false });
  const time = (at, text) => el("time", { datetime: at, title: at }, text);

  const start = ms(session.startedAt);
  const end = Math.max(ms(session.endedAt ?? report.exportedAt), start + 1, ...events.slice(-1).map((e) => ms(e.at)));
  const phases = report.plans.flatMap((plan) => plan.phases);
  const begun = phases.filter((phase) => phase.startedAt);

  // ---- The axis: time, with long pauses drawn short ----

  const axis = (() => {
    const moments = [start, ...events.map((event) => clamp(ms(event.at), start, end)), end];
    for (let i = 1; i < moments.length; i++) moments[i] = Math.max(moments[i], moments[i - 1]);
    const gaps = moments.slice(1).map((at, i) => at - moments[i]);
    const sorted = [...gaps].sort((a, b) => a - b);
    const limit = Math.max(60000, 10 * (sorted[Math.floor(sorted.length * 0.9)] ?? 0));
    const places = [0];
    for (const gap of gaps) places.push(places[places.length - 1] + Math.min(gap, limit));
    const whole = places[places.length - 1] || 1;
    const find = (list, value) => {
      let low = 0, high = list.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (list[middle] <= value) low = middle; else high = middle - 1;
      }
      return Math.min(low, list.length - 2);
    };
    const between = (from, to, value) => {
      const i = find(from, value);
      const span = from[i + 1] - from[i];
      return to[i] + (span > 0 ? clamp((value - from[i]) / span, 0, 1) * (to[i + 1] - to[i]) : 0);
    };
    const shortened = [];
    gaps.forEach((gap, i) => {
      if (gap > limit) shortened.push({ place: (places[i] + places[i + 1]) / 2 / whole, millis: gap });
    });
    return {
      place: (at) => between(moments, places, clamp(at, start, end)) / whole,
      at: (place) => between(places, moments, clamp(place, 0, 1) * whole),
      event: (i) => places[i + 1] / whole,
      shortened,
    };
  })();

  // ---- State: where the cursor is ----

  let cursor = events.length ? axis.event(0) : 0;
  let current = events.length ? 0 : -1;
  const listeners = [];
  const indexAt = (place) => {
    let low = -1, high = events.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (axis.event(middle) <= place + 1e-9) low = middle; else high = middle - 1;
    }
    return low;
  };
  const move = (place, index) => {
    cursor = clamp(place, 0, 1);
    current = index ?? indexAt(cursor);
    for (const listener of listeners) listener();
  };
  // The entries that become past or future when the cursor goes from one to the other.
  const between = (from, to) => {
    const [low, high] = from < to ? [from + 1, to] : [to + 1, from];
    return Array.from({ length: high - low + 1 }, (_, i) => low + i);
  };
  const goTo = (index) => {
    if (events.length === 0) return;
    const target = clamp(index, 0, events.length - 1);
    move(axis.event(target), target);
  };
  const step = (by) => {
    let next = current + by;
    while (events[next] && !visible(events[next])) next += by;
    if (events[next]) goTo(next);
  };

  // ---- The head ----

  const head = () => {
    const issue = session.issue;
    const title = issue?.title ?? (issue?.number ? `Issue #${issue.number}` : `Session ${session.id}`);
    const done = phases.filter((phase) => phase.status === "complete").length;
    const sent = report.nudges.filter((nudge) => nudge.sent).length;
    const total = report.costs.total;
    const facts = [
      ["Started", time(session.startedAt, `${day(session.startedAt)}, ${clock(session.startedAt).slice(0, 5)}`)],
      ["Duration", duration(session.durationMs) + (session.endedAt ? "" : " so far")],
      ["Phases complete", phases.length ? `${done} of ${phases.length}` : "no plan"],
      ["Hints used", String(report.hintsUsed.length)],
      ["Nudges", String(sent)],
      ["Cost", (total.unpriced ? "≥ " : "") + dollars(total.costUsd)],
      ["Entries", events.length.toLocaleString("en")],
    ];
    const by = { hook: "by a hook of Claude Code", mcp: "by Claude", ui: "in the desktop app" }[session.startedBy];
    return el("header", {},
      el("p", { class: "over" }, el("b", {}, "Paige"), el("span", {}, `Session ${session.id}`),
        issue?.number ? el("span", {}, `Issue #${issue.number}`) : null,
        el("span", { class: `chip ${session.status}` }, words(session.status)),
        ...(issue?.labels ?? []).map((label) => el("span", {}, label))),
      el("h1", {}, title),
      issue?.summary ? el("p", { class: "lead" }, issue.summary) : null,
      el("dl", { class: "facts" }, facts.map(([name, fact]) => el("div", {}, el("dt", {}, name), el("dd", {}, fact)))),
      el("p", { class: "where" }, `${session.project} · started ${by ?? "somehow"} on ${moment(session.startedAt)}`, issue?.url ? ` · ${issue.url}` : null));
  };

  // ---- The timeline ----

  const drawings = [];
  const drawing = (draw, attributes) => {
    const box = el("div", attributes);
    drawings.push(() => box.replaceChildren(draw(Math.max(box.clientWidth, 240))));
    return box;
  };
  const marks = (x, width, y) => {
    const parts = [];
    const steps = width < 480 ? 3 : 6;
    for (let i = 0; i <= steps; i++) {
      const place = i / steps;
      const anchor = i === 0 ? "start" : i === steps ? "end" : "middle";
      parts.push(svg("text", { x: x(place), y, "text-anchor": anchor }, offset(axis.at(place) - start)));
    }
    return parts;
  };

  const timeline = () => {
    const lanes = Object.keys(LANES).filter((lane) => events.some((event) => event.lane === lane));
    const ticks = [];
    let line = null, knob = null, told = -1;
    let left = 0, width = 1;
    const x = (place) => left + place * width;
    const draw = (whole) => {
      const narrow = whole < 560;
      left = narrow ? 0 : 112;
      width = whole - left - (narrow ? 0 : 6);
      const top = begun.length ? 30 : 8;
      const height = narrow ? 40 : 30;
      const bottom = top + lanes.length * height;
      const parts = [];
      begun.forEach((phase, i) => {
        const from = x(axis.place(ms(phase.startedAt)));
        const to = x(axis.place(phase.completedAt ? ms(phase.completedAt) : end));
        parts.push(svg("rect", { class: i % 2 ? "band odd" : "band", x: from, y: 0, width: Math.max(to - from, 2), height: bottom },
          svg("title", {}, `Phase ${phase.number}: ${phase.title}`)));
        const room = Math.floor((to - from - 10) / 6.6);
        const name = `${phase.number}. ${phase.title}`;
        if (room >= 2) {
          parts.push(svg("text", { class: "strong", x: from + 6, y: 17 },
            name.length > room ? (room < 6 ? String(phase.number) : name.slice(0, room - 1) + "…") : name));
        }
      });
      for (const gap of axis.shortened) {
        parts.push(svg("line", { class: "gap", x1: x(gap.place), x2: x(gap.place), y1: top - 4, y2: bottom },
          svg("title", {}, `A pause of ${duration(gap.millis)}, drawn short`)));
      }
      lanes.forEach((lane, i) => {
        const y = top + i * height;
        parts.push(svg("line", { class: "rule", x1: narrow ? 0 : left, x2: x(1), y1: y + height, y2: y + height }));
        parts.push(svg("text", { x: 0, y: narrow ? y + 14 : y + 20 }, LANES[lane]));
      });
      ticks.length = 0;
      told = -1;
      events.forEach((event, i) => {
        const y = top + lanes.indexOf(event.lane) * height + (narrow ? 20 : 7);
        const tick = svg("rect", { class: `tick c-${event.lane}`, x: x(axis.event(i)) - 1.75, y, width: 3.5, height: 16, rx: 1.75 });
        ticks.push(tick);
        parts.push(tick);
      });
      line = svg("line", { class: "cursor", y1: 0, y2: bottom + 4 });
      knob = svg("circle", { class: "knob", cy: bottom + 4, r: 5 });
      parts.push(line, knob, ...marks(x, width, bottom + 24));
      const picture = svg("svg", { class: "lanes", height: bottom + 30, "aria-hidden": "true" }, ...parts);
      const follow = (pointer) => {
        const place = (pointer.clientX - picture.getBoundingClientRect().left - left) / width;
        move(place);
      };
      picture.addEventListener("pointerdown", (pointer) => {
        picture.setPointerCapture(pointer.pointerId);
        pause();
        follow(pointer);
      });
      picture.addEventListener("pointermove", (pointer) => {
        if (picture.hasPointerCapture(pointer.pointerId)) follow(pointer);
      });
      queueMicrotask(show);
      return picture;
    };
    const show = () => {
      if (!line) return;
      for (const [name, node] of [["x1", line], ["x2", line], ["cx", knob]]) node.setAttribute(name, x(cursor));
      for (const i of between(told, current)) ticks[i]?.classList.toggle("past", i <= current);
      told = current;
    };
    listeners.push(show);

    const slider = el("input", { type: "range", min: 0, max: 10000, step: 1, id: "scrub", "aria-label": "Where in the session" });
    slider.addEventListener("input", () => { pause(); move(Number(slider.value) / 10000); });
    slider.addEventListener("keydown", (key) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[key.key];
      const page = { PageDown: -10, PageUp: 10 }[key.key];
      if (by) step(by);
      else if (page) goTo(current + page);
      else if (key.key === "Home") goTo(0);
      else if (key.key === "End") goTo(events.length - 1);
      else return;
      pause();
      key.preventDefault();
    });
    const speed = el("select", { "aria-label": "Speed" }, [["1", "Calm"], ["3", "Brisk"], ["8", "Fast"]].map(
      ([value, name]) => el("option", { value }, name)));
    const play = el("button", { class: "play", type: "button" }, "Play");
    let last = null;
    let asked = 0;
    const pause = () => { cancelAnimationFrame(asked); last = null; play.textContent = "Play"; };
    const frame = (at) => {
      if (last !== null) move(cursor + ((at - last) / 40000) * Number(speed.value));
      last = at;
      if (cursor >= 1) pause(); else asked = requestAnimationFrame(frame);
    };
    const toggle = () => {
      if (last !== null || play.textContent === "Pause") { pause(); return; }
      if (cursor >= 1) move(0);
      play.textContent = "Pause";
      asked = requestAnimationFrame(frame);
    };
    play.addEventListener("click", toggle);
    const when = el("p", { class: "when" });
    const what = el("p", { class: "what" });
    listeners.push(() => {
      const event = events[current];
      const at = axis.at(cursor);
      const phase = begun.find((p) => ms(p.startedAt) <= at && at <= (p.completedAt ? ms(p.completedAt) : end));
      const span = report.hintLevels.find((s) => ms(s.startedAt) <= at && at <= ms(s.until));
      when.textContent = [
        `${offset(at - start)} in`, clock(at), phase ? `phase ${phase.number}: ${phase.title}` : null,
        span ? `hint level ${span.level}` : null, event ? `entry ${current + 1} of ${events.length}` : null,
      ].filter(Boolean).join("  ·  ");
      what.textContent = event ? event.text : "The session is about to begin.";
      slider.value = Math.round(cursor * 10000);
      slider.setAttribute("aria-valuetext", `${offset(at - start)}: ${what.textContent}`);
    });
    document.addEventListener("keydown", (key) => {
      if (key.ctrlKey || key.metaKey || key.altKey || key.target.closest?.("button, input, select")) return;
      if (key.key === " ") toggle();
      else if (key.key === "ArrowLeft") step(-1);
      else if (key.key === "ArrowRight") step(1);
      else return;
      key.preventDefault();
    });
    const pauses = axis.shortened.length
      ? ` ${count(axis.shortened.length, "long pause is drawn short, at the dashed line", "long pauses are drawn short, at the dashed lines")}.` : "";
    return el("section", { "aria-labelledby": "timeline" },
      el("h2", { id: "timeline" }, "What happened"),
      events.length === 0
        ? el("p", { class: "empty" }, "Nothing happened in this session.")
        : el("p", {}, `Drag through the session, or let it play.${pauses}`),
      events.length === 0 ? null : el("div", { class: "card" },
        drawing(draw),
        el("div", { class: "controls" }, play, slider, speed),
        el("div", { class: "now" }, what, when),
        el("p", { class: "keys" }, el("kbd", {}, "Space"), " plays, ", el("kbd", {}, "←"), " and ", el("kbd", {}, "→"), " go from entry to entry.")),
      events.length === 0 ? null : list(pause));
  };

  // ---- The list of events ----

  const hidden = new Set();
  let kind = "";
  const visible = (event) => !hidden.has(event.lane) && (kind === "" || event.kind === kind);

  const list = (pause) => {
    const rows = events.map((event, i) => {
      const button = el("button", { type: "button", "aria-expanded": "false" },
        time(event.at, offset(event.offsetMs)), el("i", { class: `c-${event.lane}` }),
        el("span", { class: "text" }, event.text), el("code", {}, event.kind));
      const row = el("li", { class: "event", "data-kind": event.kind }, button);
      button.addEventListener("click", () => {
        pause();
        goTo(i);
        const open = row.querySelector(".details");
        if (open) open.remove(); else row.append(details(event));
        button.setAttribute("aria-expanded", String(!open));
      });
      return row;
    });
    const box = el("ol", { class: "events", tabindex: "0", "aria-label": "Entries of the timeline" }, rows);
    const none = el("p", { class: "empty", hidden: true }, "No entry passes the filter.");
    const filter = () => {
      let shown = 0;
      events.forEach((event, i) => { rows[i].hidden = !visible(event); shown += visible(event); });
      none.hidden = shown > 0;
      box.hidden = shown === 0;
    };
    rows.forEach((row) => row.classList.add("later"));
    let marked = null, told = -1;
    listeners.push(() => {
      for (const i of between(told, current)) rows[i]?.classList.toggle("later", i > current);
      told = current;
      marked?.removeAttribute("aria-current");
      marked = rows[current];
      if (!marked) { box.scrollTop = 0; return; }
      marked.setAttribute("aria-current", "true");
      const above = marked.offsetTop < box.scrollTop;
      const below = marked.offsetTop + marked.offsetHeight > box.scrollTop + box.clientHeight;
      if (above || below) box.scrollTop = marked.offsetTop - box.clientHeight / 3;
    });
    const lanes = Object.keys(LANES).filter((lane) => events.some((event) => event.lane === lane)).map((lane) => {
      const number = events.filter((event) => event.lane === lane).length;
      const button = el("button", { type: "button", class: `c-${lane}`, "aria-pressed": "true" },
        el("i", {}), LANES[lane], el("b", {}, String(number)));
      button.addEventListener("click", () => {
        if (!hidden.delete(lane)) hidden.add(lane);
        button.setAttribute("aria-pressed", String(!hidden.has(lane)));
        filter();
      });
      return button;
    });
    const kinds = [...new Set(events.map((event) => event.kind))].sort();
    const choice = el("select", { "aria-label": "Type of entry" }, el("option", { value: "" }, "Every type"),
      kinds.map((name) => el("option", { value: name }, words(name))));
    choice.addEventListener("change", () => { kind = choice.value; filter(); });
    return [el("div", { class: "filters" }, lanes, choice), none, box];
  };

  const shown = (value) => {
    if (value === null) return "none";
    if (typeof value === "string") {
      try {
        const inner = JSON.parse(value);
        if (inner && typeof inner === "object") return JSON.stringify(inner, null, 2);
      } catch { /* It is a text. */ }
      return value;
    }
    return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
  };
  const details = (event) => {
    const facts = [["kind", event.kind], ["when", event.at], ["number", String(event.id)]];
    if (event.callId) {
      const same = events.filter((other) => other.callId === event.callId && other !== event);
      facts.push(["tool call", event.callId]);
      if (same.length) facts.push(["same call", same.map((other) => other.text).join("\n")]);
    }
    const data = event.data && typeof event.data === "object" ? Object.entries(event.data) : [];
    return el("dl", { class: "details" }, [...facts, ...data.map(([name, value]) => [name, shown(value)])].flatMap(
      ([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  };

  // ---- Charts ----

  const bar = (label, value, share, under, look) => el("div", { class: "row" },
    el("div", { class: "label" }, el("span", {}, label), el("span", {}, value)),
    svg("svg", { height: 12, "aria-hidden": "true" },
      svg("rect", { class: "track", width: "100%", height: 12, rx: 6 }),
      share > 0 ? svg("rect", { class: `bar ${look}`, width: `${clamp(share * 100, 1.2, 100)}%`, height: 12, rx: 6 }) : null),
    under ? el("p", { class: "under" }, under) : null);
  const chart = (title, ...children) => el("div", { class: "card" }, el("h3", {}, title), ...children);

  const wide = (title, ...children) => el("div", { class: "card wide" }, el("h3", {}, title), ...children);

  const perPhase = () => {
    if (phases.length === 0) return chart("Time per phase", el("p", { class: "empty" }, "The session has no plan, so there are no phases."));
    const longest = Math.max(1, ...phases.map((phase) => phase.durationMs ?? 0));
    return chart("Time per phase", el("div", { class: "rows" }, report.plans.flatMap((plan) => [
      report.plans.length > 1 ? el("p", { class: "under" }, plan.title + (plan.isActive ? "" : " (replaced)")) : null,
      ...plan.phases.map((phase) => {
        const open = phase.status === "active" ? (session.endedAt ? ", not finished" : ", under way") : "";
        const value = phase.durationMs == null ? "not begun" : duration(phase.durationMs) + open;
        const under = [
          phase.hints ? `${phase.hintsUsed} of ${count(phase.hints, "hint")} used` : null,
          phase.reviewsPassed ? `${count(phase.reviewsPassed, "review")} passed` : null,
          phase.reviewsFailed ? `${count(phase.reviewsFailed, "review")} not passed` : null,
        ].filter(Boolean).join(" · ");
        return bar(`${phase.number}. ${phase.title}`, value, (phase.durationMs ?? 0) / longest, under, open ? "open" : "");
      }),
    ])));
  };

  const levels = () => {
    const spans = report.hintLevels;
    if (spans.length === 0) return wide("Hint level over time", el("p", { class: "empty" }, "No hint level is known."));
    const told = spans.map((span) => `${span.level} for ${duration(span.durationMs)}`).join(", then ");
    const draw = (whole) => {
      const left = 58, width = whole - left - 4, row = 32, top = 8;
      const x = (place) => left + place * width;
      const y = (level) => top + (LEVELS.length - 1 - LEVELS.indexOf(level)) * row + row / 2;
      const floor = top + LEVELS.length * row;
      let path = "";
      spans.forEach((span, i) => {
        const from = x(axis.place(ms(span.startedAt))), to = x(axis.place(ms(span.until)));
        path += `${i === 0 ? "M" : "L"}${from} ${y(span.level)}L${Math.max(to, from + 1)} ${y(span.level)}`;
      });
      const first = x(axis.place(ms(spans[0].startedAt)));
      const lastX = Math.max(x(axis.place(ms(spans[spans.length - 1].until))), first + 1);
      return svg("svg", { height: floor + 26, role: "img", "aria-label": `Hint level: ${told}` },
        LEVELS.flatMap((level) => [
          svg("line", { class: "rule", x1: left, x2: x(1), y1: y(level), y2: y(level) }),
          svg("text", { x: 0, y: y(level) + 4 }, upper(level)),
        ]),
        svg("path", { class: "area", d: `${path}L${lastX} ${floor}L${first} ${floor}Z` }),
        svg("path", { class: "step", d: path }),
        marks(x, width, floor + 20));
    };
    return wide("Hint level over time", drawing(draw), el("p", { class: "where" }, `${upper(told)}.`));
  };

  const costs = () => {
    const { calls, total } = report.costs;
    if (calls.length === 0) return chart("Cost by call", el("p", { class: "empty" }, "No call was made in this session."));
    const most = Math.max(...calls.map((call) => call.costUsd), Number.MIN_VALUE);
    return chart("Cost by call", el("div", { class: "rows" }, calls.map((call) => {
      const value = call.unpriced === call.calls ? "no known price" : (call.unpriced ? "≥ " : "") + dollars(call.costUsd);
      const under = [
        count(call.calls, "call"), call.failed ? `${call.failed} failed` : null, call.model,
        `${call.inputTokens.toLocaleString("en")} tokens in`, `${call.outputTokens.toLocaleString("en")} out`,
        call.meanLatencyMs == null ? null : `${duration(call.meanLatencyMs)} each`,
      ].filter(Boolean).join(" · ");
      return bar(upper(words(call.callType)), value, call.costUsd / most, under, "cost");
    })), el("p", { class: "where" }, `${count(total.calls, "call")} for ${dollars(total.costUsd)} in all.`));
  };

  // ---- Tables ----

  const table = (heads, rows) => el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell)))))));
  const after = (at) => time(at, offset(Math.max(0, ms(at) - start)));
  const listing = (title, heads, rows, otherwise) => chart(title,
    rows.length ? table(heads, rows) : el("p", { class: "empty" }, otherwise));

  const help = () => el("section", { "aria-labelledby": "help" },
    el("h2", { id: "help" }, "Help and practice"),
    el("div", { class: "grid" },
      listing("Hints used", ["After", "Phase", "File", "Help"], report.hintsUsed.map((hint) => [
        after(hint.at), String(hint.phaseNumber), hint.path,
        { 1: "the file", 2: "its lines", 3: "a text" }[hint.rung] ?? `rung ${hint.rung}`,
      ]), "No hint was used in this session."),
      listing("Nudges", ["After", "", "Noticed", "Why"], report.nudges.map((nudge) => [
        after(nudge.at), nudge.sent ? "sent" : "kept back", nudge.signal ? words(nudge.signal) : "nothing",
        nudge.reason ?? "",
      ]), "No nudge was sent or kept back in this session."),
      report.gaps.length ? listing("Knowledge gaps", ["Topic", "Severity", "Seen by"], report.gaps.map((gap) => [
        gap.topic, gap.severity + (gap.addressed ? ", closed since" : ""), gap.evidence,
      ])) : null,
      report.problems.length ? listing("Trouble in the wrap-up", ["After", "Step", "What went wrong"], report.problems.map(
        (problem) => [after(problem.at), words(problem.step), problem.message])) : null));

  // ---- All of it ----

  const page = document.getElementById("page");
  page.append(head(),
    timeline(),
    el("section", { "aria-labelledby": "charts" }, el("h2", { id: "charts" }, "In figures"),
      el("div", { class: "grid" }, perPhase(), costs(), levels())),
    help(),
    el("footer", {}, `Made by Paige at ${moment(report.exportedAt)}. Times are those of this computer's zone. This page asks nobody for anything.`));
  document.title = `${document.querySelector("h1").textContent} · Paige`;
  const draw = () => drawings.forEach((one) => one());
  draw();
  for (const listener of listeners) listener();
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) { width = window.innerWidth; draw(); }
  });
})();
