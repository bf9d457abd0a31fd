// jsdom has no layout and lacks what needs one.
if (globalThis.Element) Element.prototype.scrollIntoView ??= () => {};
