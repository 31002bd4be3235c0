// Loaded into the Playground before its own code (node --require), because it has no option for either:
// 1. It listens on every interface. Whoever reaches its page acts as the people in it, so: loopback only.
// 2. It would outlive a parent that is killed. Its standard input is a pipe that the parent holds open
//    and the operating system closes when the parent is gone, however it went, on every platform.
"use strict";
const net = require("node:net");

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  if (typeof args[0] === "number") {
    const callback = args.find((arg) => typeof arg === "function");
    return listen.call(this, { port: args[0], host: "127.0.0.1" }, callback);
  }
  return listen.apply(this, args);
};

process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
