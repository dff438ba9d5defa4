"""Names that mean something to a format through which a report shows them."""

HOSTILE = [
    "Base {v2} {{ 7 * 7 }} {% raw %} {run}",
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "</title><img src=x onerror=\"document.title='owned'\">",
    "[click](javascript:document.title='owned') ![x](http://nowhere.invalid/x.png)",
    "javascript:document.title='owned'",
    ".. raw:: html\n\n   <script>document.title='owned'</script>",
    ":raw-html:`<b>bold</b>` `Workflow`_ |sub| **bold** ``code``",
    r"50% & $5_a^b ~ \input{/etc/passwd} #1 [2cm]",
    "a | b `code` *bold* _it_ ~~gone~~ &lt;b&gt; &amp; <!-- x -->",
    "שלום Ünïcode 模型 العربية",
    "- 1. # > quoted",
]
