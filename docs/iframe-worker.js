// The search of pages that are opened as files. A browser starts no worker there, so the script that a page would give
// one runs in a hidden frame of it. The theme asks for such a file by this name, and would else fetch one.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.appendChild(this.frame)
      const inner = this.frame.contentWindow
      this.ready = new Promise((resolve) => {
        inner.document.open()
        inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }))
        inner.begun = resolve
        inner.document.write(`<script src="${url}" onload="begun()"></` + "script>")
        inner.document.close()
      })
    }

    postMessage(data) {
      const inner = this.frame.contentWindow
      this.ready.then(() => inner.dispatchEvent(new inner.MessageEvent("message", { data })))
    }

    terminate() {
      this.frame.remove()
    }
  }
}
