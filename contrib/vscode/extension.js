// SPDX-License-Identifier: MIT
// Starts `cyclecloud-template lsp`. Build with `npm install`, then `npx @vscode/vsce package`.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function activate() {
  const command = workspace.getConfiguration("cyclecloud").get("server");
  client = new LanguageClient(
    "cyclecloud",
    "CycleCloud templates",
    { command, args: ["lsp"] },
    { documentSelector: [{ language: "cyclecloud" }] }
  );
  return client.start();
}

function deactivate() {
  return client ? client.stop() : undefined;
}

module.exports = { activate, deactivate };
