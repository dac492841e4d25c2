(() => {
  "use strict";
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const data = read("map-data"), colours = read("map-colours");
  const numbers = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true));
  };
  const x = numbers(data.x).map((v) => v / 65535), y = numbers(data.y).map((v) => v / 65535);
  const themes = numbers(data.themes), titles = data.titles.split("\n"), n = x.length;
  const box = document.querySelector(".canvas"), canvas = box.querySelector("canvas"), tip = box.querySelector(".tip");
  const context = canvas.getContext("2d"), legend = document.querySelector(".legend");
  const NONE = 65535, MARGIN = 28, LABELS = 14;
  box.hidden = false;

  const members = new Map();
  for (let i = 0; i < n; i++) {
    if (!members.has(themes[i])) members.set(themes[i], []);
    members.get(themes[i]).push(i);
  }
  const order = [...members.keys()].sort((a, b) => members.get(b).length - members.get(a).length);
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  const centres = order.filter((theme) => theme !== NONE).slice(0, LABELS).map((theme) => ({
    theme,
    x: middle(members.get(theme).map((i) => x[i])),
    y: middle(members.get(theme).map((i) => y[i])),
    text: shortLabel(data.labels[theme] || ""),
  }));

  // Points by cells of a grid, so that a hover looks at a few of them only.
  const CELLS = 64, cells = Array.from({ length: CELLS * CELLS }, () => []);
  const cell = (v) => Math.min(CELLS - 1, Math.max(0, Math.floor(v * CELLS)));
  for (let i = 0; i < n; i++) cells[cell(y[i]) * CELLS + cell(x[i])].push(i);

  let width = 1, height = 1, zoom = 1, left = 0, top = 0, isolated = null, hovered = -1, waiting = false;
  const px = (v) => left + MARGIN + v * (width - 2 * MARGIN) * zoom;
  const py = (v) => top + MARGIN + (1 - v) * (height - 2 * MARGIN) * zoom;
  const colourOf = (theme) => (theme === NONE ? style("--faint") : colours[theme] || style("--faint"));
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function shortLabel(label) {
    return label.split(", ").slice(0, 2).join(", ");
  }

  function draw() {
    waiting = false;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const radius = Math.max(1.3, Math.min(4.2, 110 / Math.sqrt(n + 1))) * Math.min(2.2, Math.sqrt(zoom));
    for (const theme of order) if (theme !== isolated) points(theme, radius, isolated === null ? 0.72 : 0.12);
    if (isolated !== null && members.has(isolated)) points(isolated, radius * 1.15, 0.9);
    labels();
    if (hovered >= 0) ring(hovered, radius);
  }

  function points(theme, radius, alpha) {
    context.globalAlpha = alpha;
    context.fillStyle = isolated !== null && theme !== isolated ? style("--muted") : colourOf(theme);
    context.beginPath();
    for (const i of members.get(theme)) {
      const a = px(x[i]), b = py(y[i]);
      if (a < -5 || b < -5 || a > width + 5 || b > height + 5) continue;
      context.moveTo(a + radius, b);
      context.arc(a, b, radius, 0, 6.2832);
    }
    context.fill();
    context.globalAlpha = 1;
  }

  function labels() {
    context.font = "600 12px ui-sans-serif, system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = style("--panel");
    context.fillStyle = style("--ink");
    const taken = [];
    for (const centre of centres) {
      if (isolated !== null && centre.theme !== isolated) continue;
      const half = context.measureText(centre.text).width / 2 + 4;
      const a = Math.max(half, Math.min(width - half, px(centre.x))), b = py(centre.y);
      if (b < 0 || b > height || px(centre.x) < -40 || px(centre.x) > width + 40) continue;
      if (taken.some((other) => Math.abs(other.a - a) < other.half + half && Math.abs(other.b - b) < 16)) continue;
      taken.push({ a, b, half });
      context.strokeText(centre.text, a, b);
      context.fillText(centre.text, a, b);
    }
  }

  function ring(i, radius) {
    context.beginPath();
    context.arc(px(x[i]), py(y[i]), radius + 2.5, 0, 6.2832);
    context.lineWidth = 2;
    context.strokeStyle = style("--ink");
    context.stroke();
  }

  function redraw() {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  }

  function resize() {
    const ratio = window.devicePixelRatio || 1;
    width = box.clientWidth;
    height = box.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    draw();
  }

  function magnify(factor, a, b) {
    const next = factor ? Math.min(60, Math.max(1, zoom * factor)) : 1;
    left = a - MARGIN - ((a - MARGIN - left) * next) / zoom;
    top = b - MARGIN - ((b - MARGIN - top) * next) / zoom;
    zoom = next;
    if (zoom === 1) left = top = 0;
    redraw();
  }

  function nearest(a, b) {
    const reach = 14, spanX = (width - 2 * MARGIN) * zoom, spanY = (height - 2 * MARGIN) * zoom;
    const u = (a - left - MARGIN) / spanX, v = 1 - (b - top - MARGIN) / spanY;
    let best = -1, distance = reach * reach;
    for (let row = cell(v - reach / spanY); row <= cell(v + reach / spanY); row++) {
      for (let column = cell(u - reach / spanX); column <= cell(u + reach / spanX); column++) {
        for (const i of cells[row * CELLS + column]) {
          if (isolated !== null && themes[i] !== isolated) continue;
          const d = (px(x[i]) - a) ** 2 + (py(y[i]) - b) ** 2;
          if (d < distance) [best, distance] = [i, d];
        }
      }
    }
    return best;
  }

  function show(i, a, b) {
    hovered = i;
    tip.hidden = i < 0;
    if (i >= 0) {
      const line = document.createElement("span"), dot = document.createElement("i");
      dot.className = "swatch";
      dot.style.setProperty("--c", colourOf(themes[i]));
      line.append(dot, themes[i] === NONE ? "no theme" : data.labels[themes[i]] || "");
      tip.replaceChildren(titles[i] || "", line);
      tip.style.left = `${Math.max(4, Math.min(a + 14, width - tip.offsetWidth - 8))}px`;
      tip.style.top = `${b + 18 + tip.offsetHeight > height ? b - tip.offsetHeight - 12 : b + 18}px`;
    }
    redraw();
  }

  const held = new Map();
  const place = (event) => {
    const bounds = canvas.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const [a, b] = place(event);
    if (!held.has(event.pointerId)) return show(nearest(a, b), a, b);
    const [fromA, fromB] = held.get(event.pointerId);
    if (held.size === 2) {
      const [otherA, otherB] = [...held].find(([id]) => id !== event.pointerId)[1];
      magnify(Math.hypot(a - otherA, b - otherB) / Math.max(1, Math.hypot(fromA - otherA, fromB - otherB)), otherA, otherB);
    } else {
      left += a - fromA;
      top += b - fromB;
      show(-1);
    }
    held.set(event.pointerId, [a, b]);
  });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, (event) => held.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => show(-1));
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    magnify(Math.exp(-event.deltaY / 300), ...place(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => magnify(2, ...place(event)));
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    if (steps[event.key]) [left, top] = [left + steps[event.key][0], top + steps[event.key][1]];
    else if (event.key === "+" || event.key === "=") return magnify(1.3, width / 2, height / 2);
    else if (event.key === "-") return magnify(1 / 1.3, width / 2, height / 2);
    else return;
    event.preventDefault();
    redraw();
  });
  for (const button of box.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => magnify(Number(button.dataset.zoom), width / 2, height / 2));
  }
  legend.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const theme = Number(button.dataset.theme);
    isolated = isolated === theme ? null : theme;
    legend.classList.toggle("isolating", isolated !== null);
    for (const other of legend.querySelectorAll("button")) {
      other.setAttribute("aria-pressed", String(isolated !== null && Number(other.dataset.theme) === isolated));
    }
    show(-1);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(resize).observe(box);
  resize();
})();
