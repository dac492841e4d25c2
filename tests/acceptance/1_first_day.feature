Feature: The first day with a new system
  Whoever brings a system up has one password that works once, and sees a first result before reading anything.

  Scenario: From the first password to a first result
    Given a system that was just brought up
    When the administrator signs in with the password that was left for them
    Then nothing is allowed before they choose a password of their own
    When they choose one and start the demo collection
    Then the run succeeds
    And it has at least 3 themes, each with a name of its own

  Scenario: A colleague joins
    Given a project "letters"
    When the administrator invites "anna" to it as a developer
    Then "anna" can sign in, choose a password and see the project
    And "anna" cannot make projects or users
