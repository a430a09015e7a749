vcl 4.1;

backend models {
  .host = "127.0.0.1";
  .port = "{upstream}";
  .first_byte_timeout = 1s;
}

backend down {
  .host = "127.0.0.1";
  .port = "{nobody}";
}

sub vcl_recv {
  if (req.url ~ "^/down") {
    set req.backend_hint = down;
  }
  if (req.url ~ "^/denied") {
    return (synth(403, "Forbidden"));
  }
  return (pass);
}
