package httpapi

import (
	"net/http"

	"github.com/chancery-dev/chancery/internal/service"
)

func (a *api) addWebhooks() {
	webhooks := operation{Path: "/v1/webhooks", Tag: "Webhooks", Scope: service.MayWebhooks}
	one := webhooks
	one.Path += "/{id}"

	o := webhooks
	o.ID, o.Summary = "createWebhook", "Register an endpoint"
	o.Description = "Deliveries follow Standard Webhooks. `signingSecret` is in this answer and nowhere else. https only; private addresses are refused."
	create(a, o, exampleNewWebhook, withSigning(exampleWebhook), func(c *call, in service.NewWebhook) (service.Result[service.Webhook], error) {
		return a.Webhooks.CreateWebhook(c.ctx, c.caller, in, c.idempotency())
	}, func(c *call, w service.Webhook) string { return a.location("/v1/webhooks", w.ID) })
	o = webhooks
	o.ID, o.Summary = "listWebhooks", "List endpoints"
	listing(a, o, exampleWebhook, func(c *call, p service.Page) (service.List[service.Webhook], error) {
		return a.Webhooks.ListWebhooks(c.ctx, c.caller, p)
	})
	o = one
	o.ID, o.Summary = "getWebhook", "Read an endpoint"
	get(a, o, exampleWebhook, func(c *call) (service.Webhook, error) { return a.Webhooks.GetWebhook(c.ctx, c.caller, c.id("id")) })
	o = one
	o.ID, o.Summary = "changeWebhook", "Change an endpoint"
	change(a, http.MethodPatch, o, service.WebhookChange{Active: ptr(true)}, exampleWebhook, func(c *call, in service.WebhookChange) (service.Webhook, error) {
		return a.Webhooks.ChangeWebhook(c.ctx, c.caller, c.id("id"), in)
	})
	o = one
	o.ID, o.Summary = "deleteWebhook", "Remove an endpoint"
	remove(a, o, func(c *call) error { return a.Webhooks.DeleteWebhook(c.ctx, c.caller, c.id("id")) })
	o = one
	o.Path, o.ID, o.Summary = one.Path+"/rotate-secret", "rotateWebhookSecret", "Give an endpoint a new secret"
	o.Description = "Each replaced one signs beside it for a day of its own. Where five do so, 409 with Retry-After."
	act(a, o, none{}, withSigning(exampleWebhook), func(c *call, _ none) (service.Result[service.Webhook], error) {
		return a.Webhooks.RotateSecret(c.ctx, c.caller, c.id("id"), c.idempotency())
	})
	o = one
	o.Path, o.ID, o.Summary = one.Path+"/deliveries", "listDeliveries", "List deliveries with every attempt"
	listing(a, o, exampleDelivery, func(c *call, p service.Page) (service.List[service.Delivery], error) {
		return a.Webhooks.Deliveries(c.ctx, c.caller, c.id("id"), p)
	})
	o = webhooks
	o.Method, o.Path, o.ID, o.Summary = http.MethodPost, "/v1/webhooks/deliveries/{id}/replay", "replayDelivery", "Deliver once more"
	o.Description = "The same `webhook-id` and body again."
	o.Out = []reply{dataReply[service.Delivery](a, http.StatusAccepted, "queued", exampleDelivery)}
	o.Run = func(c *call) error {
		d, err := a.Webhooks.Replay(c.ctx, c.caller, c.id("id"))
		if err != nil {
			return err
		}
		return data(c, http.StatusAccepted, d)
	}
	a.add(o)
}
