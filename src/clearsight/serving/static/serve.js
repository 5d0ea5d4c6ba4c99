// The page of `clearsight serve`: pictures that are dropped, pasted, chosen or taken are sent at once; without this
// script the same forms work with their own buttons. Answers come as HTML that the server has escaped.
"use strict";

const form = document.getElementById("pictures");
const state = document.getElementById("state");
const answers = document.getElementById("answers");
document.body.classList.add("scripted");

function say(text, failed = false) {
  state.textContent = text;
  state.hidden = !text;
  state.classList.toggle("failed", failed);
}

async function ask(body) {
  say("Looking");
  answers.classList.add("busy");
  try {
    const answer = await fetch("/", {method: "POST", body, headers: {"X-Part": "answers", Accept: "text/html;q=0.5, application/json"}});
    if (answer.ok) {
      answers.innerHTML = await answer.text();
      say("");
      answers.scrollIntoView({behavior: "smooth", block: "start"});
      return;
    }
    say(await refusal(answer), true);
  } catch (error) {
    say("The server did not answer. It may have been stopped, or the picture is larger than it takes.", true);
  } finally {
    answers.classList.remove("busy");
  }
}

async function refusal(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).error;
  } catch (error) {
    const page = new DOMParser().parseFromString(text, "text/html");
    return page.querySelector("main p")?.textContent || `The server answered ${answer.status}.`;
  }
}

function send(files) {
  const chosen = [...files].filter(file => file.size);
  const total = chosen.reduce((sum, file) => sum + file.size, 0);
  if (!chosen.length) return say("There is no picture in that.", true);
  if (chosen.length > Number(form.dataset.files)) {
    return say(`These are ${chosen.length} files. At most ${form.dataset.files} are looked at together.`, true);
  }
  if (total > Number(form.dataset.bytes)) {
    const most = (Number(form.dataset.bytes) / 2 ** 20).toFixed(0);
    return say(`These files have ${(total / 2 ** 20).toFixed(0)} MiB. At most ${most} MiB are taken together.`, true);
  }
  const body = new FormData();
  for (const file of chosen) body.append("file", file, file.name || "pasted.png");
  return ask(body);
}

if (form) {
  const input = document.getElementById("file");
  input.addEventListener("change", () => { send(input.files); input.value = ""; });
  form.addEventListener("submit", event => { event.preventDefault(); send(input.files); });
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, event => { event.preventDefault(); form.classList.add("over"); });
  }
  document.addEventListener("dragleave", event => { if (!event.relatedTarget) form.classList.remove("over"); });
  document.addEventListener("drop", event => {
    event.preventDefault();
    form.classList.remove("over");
    send(event.dataTransfer.files);
  });
  document.addEventListener("paste", event => {
    if (event.clipboardData.files.length) {
      event.preventDefault();
      send(event.clipboardData.files);
    }
  });
  camera();
}

// The camera is offered where there is one, and asked for only when somebody wants it.
async function camera() {
  const offer = document.getElementById("use-camera");
  const place = document.getElementById("camera");
  const view = document.getElementById("view");
  let stream = null;
  const devices = navigator.mediaDevices ? await navigator.mediaDevices.enumerateDevices().catch(() => []) : [];
  offer.hidden = !devices.some(device => device.kind === "videoinput");

  function close() {
    for (const track of stream?.getTracks() || []) track.stop();
    stream = null;
    place.hidden = true;
  }

  offer.addEventListener("click", async () => {
    try {
      stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment"}});
      view.srcObject = stream;
      place.hidden = false;
      await view.play();
    } catch (error) {
      close();
      say("The camera could not be opened: it is in use, or this page may not use it.", true);
    }
  });
  document.getElementById("close-camera").addEventListener("click", close);
  document.getElementById("take").addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [view.videoWidth, view.videoHeight];
    canvas.getContext("2d").drawImage(view, 0, 0);
    canvas.toBlob(blob => { if (blob) send([new File([blob], "camera.jpg", {type: "image/jpeg"})]); }, "image/jpeg", 0.95);
  });
}

for (const row of document.querySelectorAll("form[data-answers]")) {
  row.addEventListener("submit", event => {
    event.preventDefault();
    ask(new URLSearchParams(new FormData(row)));
  });
}

for (const maker of document.querySelectorAll("form[data-sample]")) {
  const picture = maker.querySelector("img");
  let timer = 0;

  function make() {
    for (const slider of maker.querySelectorAll("input[type=range]")) {
      slider.closest("p").querySelector("output").value = slider.value;
    }
    clearTimeout(timer);
    timer = setTimeout(() => {
      const wish = new URLSearchParams(new FormData(maker));
      picture.classList.add("busy");
      picture.src = `/v1/sample?${wish}`;
      picture.alt = `Generated pictures, seed ${wish.get("seed")}`;
    }, 200);
  }

  picture.addEventListener("load", () => { picture.classList.remove("busy"); say(""); });
  picture.addEventListener("error", async () => {
    picture.classList.remove("busy");
    const answer = await fetch(picture.src).catch(() => null);
    if (answer && !answer.ok) say(await refusal(answer), true);
  });
  maker.addEventListener("input", make);
  maker.addEventListener("submit", event => { event.preventDefault(); make(); });
  maker.querySelector("[data-next]").addEventListener("click", () => {
    maker.elements.seed.value = String((Number(maker.elements.seed.value) + 1) % 2147483648);
    make();
  });
}
