# One POST by Ruby's net/http, told as one line of JSON.
require 'json'
require 'net/http'

_program, url, raw = ARGV
knobs = JSON.parse(raw)
target = URI(url)
payload = JSON.generate(model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Weather?' }])

def chain(error)
  lines = ["#{error.message} (#{error.class})"]
  lines << chain(error.cause) if error.cause
  lines.join("\n")
end

told = { version: RUBY_VERSION }
begin
  proxy = knobs['proxy'] ? [target.host, target.port] : [nil, nil]
  target = URI('http://api.example.com/v1/chat/completions') if knobs['proxy']
  http = Net::HTTP.new(target.host, target.port, *proxy)
  http.use_ssl = target.scheme == 'https'
  http.max_retries = 0
  http.open_timeout = knobs.fetch('connect_timeout_s', 15)
  http.read_timeout = knobs.fetch('read_timeout_s', 15)
  response = http.post(target.path, payload, 'content-type' => 'application/json')
  response.value
  JSON.parse(response.body)
  told[:passed] = true
rescue StandardError => e
  told[:exception] = { type: e.class.name, text: e.message }
  told[:text] = chain(e) if e.cause
  if response && response.code.to_i >= 400
    told.update(status: response.code.to_i, headers: response.each_header.to_h, body: response.body)
  end
end
puts JSON.generate(told)
