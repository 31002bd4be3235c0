// Draws one card as Teams would, and says what the renderer did not understand.
window.drawCard = (card, hostConfig, look, width, dark) => {
  const markdown = window.markdownit({ linkify: true });
  AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
    result.outputHtml = markdown.render(text);
    result.didProcess = true;
  };
  const context = new AdaptiveCards.SerializationContext();
  const drawn = new AdaptiveCards.AdaptiveCard();
  drawn.hostConfig = new AdaptiveCards.HostConfig(hostConfig);
  drawn.parse(card, context);
  document.body.replaceChildren();
  document.body.style.cssText = `margin:0;padding:12px;width:${width}px;box-sizing:border-box;`
    + `background:${dark ? "#1f1f1f" : "#f5f5f5"}`;
  const frame = document.createElement("div");
  frame.id = "card";
  frame.style.cssText = `border-radius:4px;overflow:hidden;`
    + `border:1px solid ${dark ? "#404040" : "#e0e0e0"};background:${dark ? "#2d2c2c" : "#ffffff"}`;
  const style = document.createElement("style");
  style.textContent = look;
  document.body.append(style);
  frame.append(drawn.render());
  document.body.append(frame);
  const faults = [];
  for (let i = 0; i < context.eventCount; i += 1) {
    faults.push(context.getEventAt(i).message);
  }
  const wide = [...frame.querySelectorAll("*")].some((one) => one.scrollWidth > one.clientWidth + 1
    && getComputedStyle(one).display !== "inline" && !one.matches("input,textarea"));
  const cut = [...frame.querySelectorAll("button, button *")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.innerText.trim()).filter((one, at, all) => all.indexOf(one) === at);
  return { faults, wide, cut, broken: broken(frame), links: [...frame.querySelectorAll("a")].map((one) => one.href),
    text: frame.innerText };
};

// Words of ordinary length that go on in another line.
const broken = (frame) => {
  const found = [];
  const texts = document.createTreeWalker(frame, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const word of texts.currentNode.data.matchAll(/\p{L}{2,18}/gu)) {
      const place = document.createRange();
      place.setStart(texts.currentNode, word.index);
      place.setEnd(texts.currentNode, word.index + word[0].length);
      const lines = new Set([...place.getClientRects()].map((one) => Math.round(one.top)));
      if (lines.size > 1) found.push(word[0]);
    }
  }
  return found;
};
